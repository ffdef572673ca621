import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Node keeps what it compiled: with this in its environment a process of TypeScript starts without loading the compiler. */
export const compileCache = {
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache'),
} as const
