import type { DemoOptions } from './commands.ts'

export async function runDemo(_options: DemoOptions): Promise<void> {}
