import { Option, type Command } from 'commander'
import { apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { parseVersion, resolveVersion } from '../registry/version-reference.ts'
import { importFile, withImportOptions, type ImportFileOptions } from '../registry/import-file.ts'

interface DeployOptions extends ImportFileOptions {
  force?: boolean
  reason?: string
}

interface Deployed {
  deployment: string
  version: number
  outcome: string
  sentence: string
}

export function addRolloutCommands(program: Command): void {
  withImportOptions(withServerOptions(program.command('deploy')))
    .description(
      'serve a registered version (late@champion, late/3), or any ONNX file (model.onnx --name churn)',
    )
    .argument('<model>', 'model/version, model@alias, or a path that ends in .onnx')
    .addOption(new Option('--name <deployment>', 'name of the deployment; default: the model’s'))
    .addOption(
      new Option(
        '--force',
        'deploy although a gate has not passed; needs --reason, and the role admin where the alias champion is protected',
      ),
    )
    .addOption(new Option('--reason <text>', 'why, for the audit log'))
    .action(deployCommand)
  withServerOptions(program.command('undeploy'))
    .description('take a deployment down: it serves nothing until a version is deployed to it again')
    .argument('<deployment>', 'name of the deployment')
    .addOption(new Option('--reason <text>', 'why, for the audit log'))
    .action(undeployCommand)
}

/** Adds to the command `models`. */
export function addWithdrawCommand(models: Command): void {
  withServerOptions(models.command('delete'))
    .description('delete a version, or a model with all of them, that nothing serves or needs')
    .argument('<model>', 'a version, such as late/3, or a model, such as late')
    .action(withdrawCommand)
}

async function withdrawCommand(named: string, options: CommandOptions): Promise<void> {
  const path = named.includes('/')
    ? `${encodeURIComponent(parseVersion(named).model)}/versions/${parseVersion(named).version}`
    : encodeURIComponent(named)
  await apiOf(options).request('DELETE', `/models/${path}`)
  print(options, { deleted: named }, () => `Deleted ${named}.`)
}

async function undeployCommand(
  deployment: string,
  options: { reason?: string } & CommandOptions,
): Promise<void> {
  const { reason } = options
  const path = `/deployments/${encodeURIComponent(deployment)}/take-down`
  const taken = await apiOf(options).post<{ sentence: string }>(path, reason === undefined ? {} : { reason })
  print(options, taken, () => taken.sentence)
}

async function deployCommand(model: string, options: DeployOptions): Promise<void> {
  const api = apiOf(options)
  const isFile = model.endsWith('.onnx')
  const ofFiles = (['task', 'features', 'positive', 'golden'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (!isFile && ofFiles !== undefined)
    throw new AppError('invalid', `--${ofFiles} is for an ONNX file; a registered version has it already`)
  const target = isFile ? await importFile(model, options) : await resolveVersion(api, model)
  const name = options.name ?? target.model
  if (isFile && (await servesAlready(options, name, target))) {
    const sentence = `${name} serves ${target.model}/${target.version} already: it is this very file.`
    return print(
      options,
      { deployment: name, version: target.version, outcome: 'unchanged', sentence },
      () => sentence,
    )
  }
  const deployed = await api.post<Deployed>('/deployments', {
    name,
    model: target.model,
    version: target.version,
    ...(options.force && { force: true }),
    ...(options.reason !== undefined && { reason: options.reason }),
  })
  print(options, deployed, () => deployed.sentence)
}

interface Target {
  model: string
  version: number
}

async function servesAlready(options: CommandOptions, deployment: string, target: Target): Promise<boolean> {
  const { items } = await apiOf(options).get<{ items: ServedDeployment[] }>('/deployments')
  const found = items.find(({ name, model }) => name === deployment && model === target.model)
  return found?.stable?.version === target.version
}

interface ServedDeployment {
  name: string
  model: string
  stable: { version: number } | null
}
