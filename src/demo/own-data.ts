import type { DemoOptions } from './commands.ts'

export async function runOwnData(_options: DemoOptions): Promise<void> {}
