import { Command, CommanderError, Help } from 'commander'
import { codeVersion } from './governance/code-version.ts'
import { EXIT_CODE, reportFailure } from './http/command.ts'
import { AppError } from './kernel/errors.ts'
import { addBenchmarkCommands } from './benchmarks/commands.ts'
import { addCardCommand } from './cards/commands.ts'
import { addDataCommands } from './exploring/commands.ts'
import { addDemoCommand } from './demo/commands.ts'
import { addFeatureCommands } from './catalogue/commands.ts'
import { addPeopleCommands } from './governance/commands.ts'
import { addErasureCommands } from './erasure/commands.ts'
import { addInferCommand } from './inferring/commands.ts'
import { addImportingCommands } from './importing/commands.ts'
import { addMonitoringCommands } from './monitoring/commands.ts'
import { addPackagingCommands } from './packaging/commands.ts'
import { addPipelineCommands } from './pipelines/commands.ts'
import { addProjectCommands } from './project/commands.ts'
import { addPromotionCommands } from './promotions/commands.ts'
import { addRegistryCommands } from './registry/commands.ts'
import { addRolloutCommands, addWithdrawCommand } from './rollout/commands.ts'
import { addServerCommands } from './server/commands.ts'
import { addSqlCommand } from './prediction-log/commands.ts'
import { addPrivacyCommands } from './privacy/commands.ts'
import { addProcessCommands } from './supervisor/commands.ts'
import { addExecCommand } from './exec/commands.ts'
import { addTrackingCommands } from './tracking/commands.ts'
import { addWebhookCommands } from './webhooks/commands.ts'

/** The headings of `tidemill --help`, and the commands below each. */
const HEADINGS: Readonly<Record<string, readonly string[]>> = {
  'Start here': ['init', 'up', 'apply', 'run', 'status', 'demo'],
  'Data and features': ['data', 'features', 'privacy', 'erase', 'erasures'],
  'Runs and models': [
    'runs',
    'exec',
    'why',
    'models',
    'promote',
    'promotions',
    'benchmarks',
    'lineage',
    'import',
  ],
  Serving: ['deploy', 'undeploy', 'package', 'quality', 'sql'],
  People: ['login', 'logout', 'users', 'teams', 'tokens', 'projects', 'audit'],
  Operation: ['server', 'worker', 'gateway', 'webhooks', 'gc'],
}

/** The command line as a tree of commands; the docs and their test read it too. */
export function createProgram(): Command {
  const program = new Command('tidemill')
    .description('The whole machine-learning operations loop in one program')
    .version(codeVersion)
    .exitOverride()
    .enablePositionalOptions()
  addProcessCommands(program)
  addProjectCommands(program)
  addFeatureCommands(program)
  addPipelineCommands(program)
  addInferCommand(addDataCommands(program))
  addTrackingCommands(program)
  addExecCommand(program)
  const models = addRegistryCommands(program)
  addCardCommand(models)
  addWithdrawCommand(models)
  addPrivacyCommands(program)
  addErasureCommands(program)
  addPromotionCommands(program)
  addBenchmarkCommands(program)
  addRolloutCommands(program)
  addPackagingCommands(program)
  addServerCommands(program)
  addPeopleCommands(program)
  addImportingCommands(program)
  addSqlCommand(program)
  addMonitoringCommands(program)
  addWebhookCommands(program)
  addDemoCommand(program)
  groupCommands(program)
  sayUsageAfterErrors(program)
  return program
}

/** In the order of the headings, not of the rooms. */
function groupCommands(program: Command): void {
  const order = Object.values(HEADINGS).flat()
  const plain = new Help()
  for (const [heading, names] of Object.entries(HEADINGS)) {
    for (const command of program.commands)
      if (names.includes(command.name())) command.helpGroup(`${heading}:`)
  }
  program.configureHelp({
    visibleCommands: (command) => {
      const commands = plain.visibleCommands(command)
      if (command !== program) return commands
      return commands
        .filter((each) => each.name() !== 'help')
        .toSorted((a, b) => order.indexOf(a.name()) - order.indexOf(b.name()))
    },
    groupItems: (_, visible, groupOf) => plain.groupItems(visible, visible, groupOf),
  })
}

/** A wrong argument is answered by how the command is called. */
function sayUsageAfterErrors(command: Command): void {
  const usage = new Help().commandUsage(command)
  command.showHelpAfterError(`usage: ${usage}   (--help shows more)`)
  for (const below of command.commands) sayUsageAfterErrors(below)
}

/** Exit codes: 0 done, 1 internal, 2 invalid, 3 not found, 4 conflict, 5 denied or not signed in, 6 no server. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv])
  } catch (error) {
    const json = argv.includes('--json')
    if (!(error instanceof CommanderError)) return reportFailure(error, json)
    if (error.exitCode === 0 || !json || error.code === 'commander.help') {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODE.invalid
      return
    }
    reportFailure(new AppError('invalid', error.message.replace(/^error: /, '')), json)
  }
}
