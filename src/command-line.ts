import { Command, CommanderError } from 'commander'
import { codeVersion } from './governance/code-version.ts'
import { reportFailure } from './http/command.ts'
import { addBenchmarkCommands } from './benchmarks/commands.ts'
import { addCardCommand } from './cards/commands.ts'
import { addDataCommands } from './exploring/commands.ts'
import { addDemoCommand } from './demo/commands.ts'
import { addFeatureCommands } from './features/commands.ts'
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
import { addRolloutCommands } from './rollout/commands.ts'
import { addServerCommands } from './server/commands.ts'
import { addServingCommands } from './serving/commands.ts'
import { addPrivacyCommands } from './privacy/commands.ts'
import { addProcessCommands } from './supervisor/commands.ts'
import { addTrackingCommands } from './tracking/commands.ts'
import { addWebhookCommands } from './webhooks/commands.ts'

/** The command line as a tree of commands; the docs and their test read it too. */
export function createProgram(): Command {
  const program = new Command('tidemill')
    .description('The whole machine-learning operations loop in one program')
    .version(codeVersion)
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows what is possible)')
  addProcessCommands(program)
  addProjectCommands(program)
  addFeatureCommands(program)
  addPipelineCommands(program)
  addInferCommand(addDataCommands(program))
  addTrackingCommands(program)
  addCardCommand(addRegistryCommands(program))
  addPrivacyCommands(program)
  addErasureCommands(program)
  addPromotionCommands(program)
  addBenchmarkCommands(program)
  addRolloutCommands(program)
  addPackagingCommands(program)
  addServerCommands(program)
  addPeopleCommands(program)
  addImportingCommands(program)
  addServingCommands(program)
  addMonitoringCommands(program)
  addWebhookCommands(program)
  addDemoCommand(program)
  return program
}

/** Exit codes: 0 done, 1 internal, 2 invalid, 3 not found, 4 conflict, 5 denied or not signed in, 6 no server. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2
      return
    }
    reportFailure(error, argv.includes('--json'))
  }
}
