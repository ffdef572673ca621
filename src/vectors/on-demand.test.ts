import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { onDemand, withModulePath } from '../features/definition.ts'
import { bindOnDemand, loadOnDemand } from './on-demand.ts'
import type { OnDemandSpec } from '../features/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-demand-'))
afterAll(() => rmSync(folder, { recursive: true }))

const spec: OnDemandSpec = {
  name: 'flight_time',
  module: 'features/flight-time.ts',
  export: 'flightTime',
  inputs: [
    { name: 'date', kind: 'timestamp' },
    { name: 'distance', kind: 'number' },
  ],
  outputs: [
    { name: 'hour', kind: 'number' },
    { name: 'far', kind: 'category' },
  ],
  budgetMs: 5,
}
type Given = Record<string, number | string | null>
const flightTime = ({ date, distance }: Given) => ({
  hour: date === null ? null : new Date(date!).getUTCHours(),
  far: Number(distance) > 1000 ? 'yes' : 'no',
})

describe('an on-demand feature', () => {
  it('is loaded from a code snapshot and computes from a request', async () => {
    writeFileSync(
      join(folder, 'flight.mjs'),
      'export const far = ({ distance }) => ({ hour: 1, far: String(distance) })',
    )
    const { compute } = await loadOnDemand({ ...spec, module: 'flight.mjs', export: 'far' }, folder)
    expect(compute({ distance: 3 })).toMatchObject({ values: [1, '3'], violations: [], error: null })
  })

  it('is refused when its module lies outside of the snapshot, or exports no such function', async () => {
    await expect(loadOnDemand({ ...spec, module: '../x.ts' }, folder)).rejects.toThrow(
      'outside of the code snapshot',
    )
    await expect(loadOnDemand({ ...spec, module: 'flight.mjs' }, folder)).rejects.toThrow(
      'exports no function flightTime',
    )
  })

  it('takes a time as ms or as ISO text, in UTC', () => {
    const { compute } = bindOnDemand(spec, flightTime)
    for (const date of [Date.UTC(2001, 0, 1, 17), '2001-01-01T17:00:00Z', '2001-01-01 17:00:00']) {
      expect(compute({ date, distance: 10 }).values).toEqual([17, 'no'])
    }
  })

  it('takes a field of the wrong kind as null and counts it', () => {
    const { compute } = bindOnDemand(spec, flightTime)
    expect(compute({ date: 'yesterday', distance: 'far' })).toMatchObject({
      values: [null, 'no'],
      violations: ['input:date', 'input:distance'],
    })
  })

  it('gives null, never a wrong value, when the function throws or returns another kind', () => {
    const throwing = bindOnDemand(spec, () => {
      throw new Error('no such airport')
    })
    expect(throwing.compute({})).toMatchObject({
      values: [null, null],
      violations: ['error'],
      error: 'no such airport',
    })
    const wrong = bindOnDemand(spec, () => ({ hour: '12', far: 'no' }))
    expect(wrong.compute({})).toMatchObject({ values: [null, 'no'], violations: ['output:hour'] })
    const late = bindOnDemand(spec, async () => ({ hour: 12, far: 'no' }))
    expect(late.compute({}).values).toEqual([null, null])
  })

  it('counts a call over its budget and keeps its value', () => {
    const slow = bindOnDemand({ ...spec, budgetMs: 2 }, (given) => {
      const until = performance.now() + 4
      while (performance.now() < until);
      return flightTime(given)
    })
    const result = slow.compute({ date: 0, distance: 2000 })
    expect(result).toMatchObject({ values: [0, 'yes'], violations: ['budget'] })
    expect(result.elapsedMs).toBeGreaterThanOrEqual(4)
  })

  it('is stored with its module as a path inside the project', () => {
    const definition = onDemand('flight_time', {
      inputs: { date: 'timestamp' },
      outputs: { hour: 'number' },
      module: 'file:///projects/flights/features/flight-time.ts',
      export: 'flightTime',
    })
    expect(withModulePath(definition, '/projects/flights').module).toBe('features/flight-time.ts')
    expect(() => withModulePath(definition, '/projects/other')).toThrow('outside of the project')
  })
})
