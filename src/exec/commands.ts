import { Option, type Command } from 'commander'
import {
  inProject,
  print,
  requireKnownServer,
  serverUrlOf,
  withServerOptions,
  type CommandOptions,
} from '../http/command.ts'
import { tokenFor } from '../http/stored-tokens.ts'

export function addExecCommand(program: Command): void {
  withServerOptions(program.command('exec'))
    .description('run any command and record it as a tracking run: tidemill exec -- python train.py')
    .addOption(new Option('--experiment <name>', 'experiment of the run').default('exec'))
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .action(execCommand)
}

async function execCommand(
  command: string[],
  options: CommandOptions & { experiment: string },
): Promise<void> {
  await requireKnownServer(options)
  const { execute } = await import('./exec.ts')
  const server = serverUrlOf(options)
  const output = options.json ? process.stderr : process.stdout
  const result = await execute({
    serverUrl: inProject(server, options.project),
    token: tokenFor(server, process.env),
    experiment: options.experiment,
    command,
    cwd: process.cwd(),
    output,
  })
  const { runId, artifacts, exitCode, problems } = result
  for (const problem of problems) process.stderr.write(`not recorded: ${problem}\n`)
  print(options, result, () => `Recorded as run ${runId} (${artifacts.join(', ')}); exit code ${exitCode}`)
  process.exitCode = exitCode
}
