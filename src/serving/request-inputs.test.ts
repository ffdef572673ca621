import { expect, it } from 'vitest'
import { requireSameShapes, type InputSpec } from './request-inputs.ts'

function input(name: string, rowShape: number[]): InputSpec {
  const width = rowShape.reduce((a, b) => a * b, 1)
  return { name, kind: 'number', datatype: 'FP32', rowShape, width, nullable: true }
}

it('does not read the rows of one version with the shape of another', () => {
  const stable = [input('pixels', [28, 28]), input('hour', [])]
  requireSameShapes(stable, [input('pixels', [28, 28]), input('wind', [3])])
  expect(() => requireSameShapes(stable, [input('pixels', [32, 32])])).toThrow(
    'Its input "pixels" has the shape [rows, 32, 32]; requests to stable have [rows, 28, 28]',
  )
})
