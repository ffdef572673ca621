import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, type Json } from '../kernel/json.ts'
import type { StepDefinition } from '../steps/definition.ts'
import { fingerprintOf, hashFingerprint, type FingerprintInput } from './fingerprint.ts'
import { differences } from './why.ts'

const hash = fc.stringMatching(/^[0-9a-f]{64}$/)
const name = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,8}$/)
const hashes = fc.dictionary(name, hash, { maxKeys: 4 })
const kind = fc.oneof(
  fc.constant({ kind: 'table' as const }),
  fc.constant({ kind: 'model' as const }),
  fc.record({ kind: fc.constant('json' as const), schema: fc.record({ type: name }) }),
)
const kinds = fc.dictionary(name, kind, { maxKeys: 3 })
const params = fc.dictionary(name, fc.jsonValue({ maxDepth: 2 })) as fc.Arbitrary<Record<string, Json>>

const computes = fc.record({
  name,
  kind: fc.constantFrom('ts' as const, 'py' as const, 'sh' as const),
  code: hashes,
  files: hashes,
  environment: hashes,
  command: fc.option(fc.string(), { nil: undefined }),
  salt: fc.option(fc.string(), { nil: undefined }),
  out: kinds,
})
const placement = fc.record({
  retries: fc.nat(5),
  timeoutMs: fc.integer({ min: 1, max: 1000 }),
  secrets: fc.array(name),
  module: name,
  export: name,
  id: name,
  cache: fc.constantFrom('always' as const, 'never' as const),
})
const input = fc.record({
  computes,
  placement,
  params,
  inputs: hashes,
  runtime: fc.constantFrom<string>('node 24', 'node 26'),
})

type Drawn = typeof input extends fc.Arbitrary<infer Value> ? Value : never

function inputOf({ computes, placement, params, inputs, runtime }: Drawn): FingerprintInput {
  const step = { in: {}, params: {}, ...placement, ...computes } as unknown as StepDefinition
  return { step, params, inputs, runtime }
}

const hashOf = (drawn: Drawn): string => hashFingerprint(fingerprintOf(inputOf(drawn)))

describe('the fingerprint', () => {
  it('does not depend on where, how often and with which secrets a step runs', () => {
    fc.assert(
      fc.property(input, placement, (drawn, other) => {
        expect(hashOf({ ...drawn, placement: other })).toBe(hashOf(drawn))
      }),
    )
  })

  it('does not depend on the order in which members are written', () => {
    fc.assert(
      fc.property(input, (drawn) => {
        const turned = (value: object) => Object.fromEntries(Object.entries(value).toReversed())
        const other: Drawn = {
          ...drawn,
          computes: { ...drawn.computes, code: turned(drawn.computes.code) },
          params: turned(drawn.params),
          inputs: turned(drawn.inputs),
        }
        expect(hashOf(other)).toBe(hashOf(drawn))
      }),
    )
  })

  it('is equal for two steps exactly when everything that they compute from is equal', () => {
    const essence = ({ placement: _placement, ...rest }: Drawn) => canonicalJson(rest)
    fc.assert(
      fc.property(input, input, (a, b) => {
        expect(hashOf(a) === hashOf(b)).toBe(essence(a) === essence(b))
      }),
    )
  })

  it('changes with each single part, and the difference names that part alone', () => {
    const changed: Record<string, (drawn: Drawn) => Drawn> = {
      code: (d) => ({ ...d, computes: { ...d.computes, code: { ...d.computes.code, zz: '0'.repeat(64) } } }),
      files: (d) => ({
        ...d,
        computes: { ...d.computes, files: { ...d.computes.files, zz: '0'.repeat(64) } },
      }),
      environment: (d) => ({ ...d, computes: { ...d.computes, environment: { zz_lock: '0'.repeat(64) } } }),
      params: (d) => ({ ...d, params: { ...d.params, zz_: 1 } }),
      inputs: (d) => ({ ...d, inputs: { ...d.inputs, zz_: 'f'.repeat(64) } }),
      salt: (d) => ({ ...d, computes: { ...d.computes, salt: `${d.computes.salt ?? ''}+` } }),
      runtime: (d) => ({ ...d, runtime: `${d.runtime}+` }),
      outputs: (d) => ({
        ...d,
        computes: { ...d.computes, out: { ...d.computes.out, zz_: { kind: 'model' } } },
      }),
    }
    fc.assert(
      fc.property(input, fc.constantFrom(...Object.keys(changed)), (drawn, part) => {
        const other = changed[part]!(drawn)
        expect(hashOf(other)).not.toBe(hashOf(drawn))
        const parts = differences(fingerprintOf(inputOf(drawn)), fingerprintOf(inputOf(other))).map(
          (d) => d.part,
        )
        expect(new Set(parts)).toEqual(new Set([part]))
      }),
    )
  })
})

describe('why', () => {
  it('says in words what changed from what to what', () => {
    const base = {
      step: {
        name: 'split',
        kind: 'ts',
        code: { 'steps/split.ts': 'a'.repeat(64) },
        files: {},
        environment: {},
        out: {},
      },
      params: { holdoutDays: 14 },
      inputs: { data: 'b'.repeat(64) },
      runtime: 'node 24',
    } as unknown as FingerprintInput
    const other = { ...base, params: { holdoutDays: 7 }, inputs: { data: 'c'.repeat(64) } }
    expect(differences(fingerprintOf(base), fingerprintOf(other)).map((d) => d.sentence)).toEqual([
      'the param holdoutDays changed from 14 to 7',
      'the input data changed from bbbbbbbbbbbb to cccccccccccc',
    ])
  })
})
