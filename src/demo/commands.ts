import { Option, type Command } from 'commander'

export interface DemoOptions {
  exit?: boolean
  dataDir: string
  data?: string
  target?: string
  time?: string
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('play the whole loop on three million real flights, then leave the web UI up')
    .addOption(new Option('--exit', 'end with the summary instead of leaving the UI up'))
    .addOption(new Option('--data-dir <folder>', 'folder of the demo').default('.tidemill-demo'))
    .addOption(new Option('--data <file>', 'play it on your own CSV or Parquet file'))
    .addOption(new Option('--target <column>', 'with --data: the column to predict'))
    .addOption(new Option('--time <column>', 'with --data: the column with the time of each row'))
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./demo.ts')
      await runDemo(options)
    })
}
