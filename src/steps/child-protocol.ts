import type { Json, JsonObject } from '../kernel/json.ts'
import type { RunCause } from './authoring.ts'
import type { StepDefinition } from './schema.ts'

/** Where the value of an input comes from, as the function of a pipeline knows it. */
export type InputSource =
  | { from: 'call'; call: number; output: string }
  | { from: 'pin'; kind: 'dataset' | 'champion'; name: string }
  | { from: 'value'; value: Json }

/** What a child is asked to do. */
export type Task = FunctionTask | StepTask

export interface FunctionTask {
  type: 'function'
  pipeline: string
  runId: string
  params: JsonObject
  cause: RunCause
}

export interface StepTask {
  type: 'step'
  step: StepDefinition
  params: JsonObject
  inputs: Record<string, TaskInput>
  /** An empty folder for the attempt's files. */
  folder: string
  /** What `TIDEMILL_CONTEXT` says about the run, and the environment of a foreign step. */
  run: { runId: string; executionId: string; attempt: number; trackingRunId: string | null }
  env: Record<string, string>
  timeoutMs: number | null
  checkpoint: string | null
  secrets: Record<string, string>
}

export type TaskInput =
  | { kind: 'table'; paths: string[] }
  | { kind: 'model'; path: string }
  | { kind: 'json'; value: Json }

/** What a step gave, before it is stored. */
export type RawOutput = { kind: 'table' | 'model'; path: string } | { kind: 'json'; value: Json }

/** From the child that runs a pipeline's function. */
export type FunctionMessage =
  | {
      type: 'call'
      call: number
      step: string
      params: JsonObject
      inputs: Record<string, InputSource>
      /** Calls whose refs it takes, or whose values as the function read them. */
      upstream: number[]
      key: string | null
    }
  | { type: 'pin'; call: number; kind: 'dataset' | 'champion'; name: string }
  | {
      type: 'effect'
      call: number
      kind: 'register' | 'deploy'
      name: string
      model: InputSource
      challenger: boolean
      facts: Record<string, InputSource>
      key: string | null
    }
  | { type: 'finished'; error: string | null }

/** To the child that runs a pipeline's function. */
export type Answer =
  | { type: 'answer'; call: number; ok: true; values: JsonObject }
  | { type: 'answer'; call: number; ok: false; error: string }

/** From the child that runs a step. */
export type StepMessage =
  | { type: 'log'; text: string }
  | { type: 'metric'; key: string; value: number; step: number; atMs: number }
  | { type: 'checkpoint'; path: string }
  | { type: 'foreign'; pid: number }
  | { type: 'gave'; outputs: Record<string, RawOutput> }
  | { type: 'threw'; error: string }
