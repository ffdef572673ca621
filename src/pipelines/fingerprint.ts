import { hashJson, type Json } from '../kernel/json.ts'
import type { StepDefinition } from '../steps/definition.ts'

/** Raised when fingerprints are made otherwise, so that no old result is taken for a new one. */
const FORMAT = 1

/** Everything that decides what a step computes. Where and how often it runs is not in it. */
export interface Fingerprint {
  format: number
  step: string
  kind: string
  /** Files with their hashes; for a built-in step its version. */
  code: Record<string, string> | { version: number }
  files: Record<string, string>
  environment: Record<string, string>
  runtime: string
  command: string | null
  params: Json
  /** Content hashes. */
  inputs: Record<string, string>
  outputs: Record<string, Json>
  salt: string | null
}

export interface FingerprintInput {
  step: StepDefinition
  params: Json
  inputs: Readonly<Record<string, string>>
  /** As `node 24` or `python 3.11`. */
  runtime: string
}

export function fingerprintOf({ step, params, inputs, runtime }: FingerprintInput): Fingerprint {
  return {
    format: FORMAT,
    step: step.name,
    kind: step.kind,
    code: step.kind === 'built_in' ? { version: step.version ?? 0 } : step.code,
    files: step.files,
    environment: step.environment,
    runtime,
    command: step.command ?? null,
    params,
    inputs,
    outputs: step.out as Record<string, Json>,
    salt: step.salt ?? null,
  }
}

export function hashFingerprint(fingerprint: Fingerprint): string {
  return hashJson(fingerprint)
}

/** What stands for the lock files of a step in its lineage; null when it runs under none. */
export function environmentHash({ environment }: Fingerprint): string | null {
  const hashes = Object.values(environment)
  return hashes.length === 0 ? null : hashes.length === 1 ? hashes[0]! : hashJson(environment)
}
