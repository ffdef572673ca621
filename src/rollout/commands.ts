import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { absolute, apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'

interface DeployOptions extends CommandOptions {
  name?: string
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
  withServerOptions(program.command('deploy'))
    .description(
      'serve a registered version (late@champion, late/3), or any ONNX file (model.onnx --name churn)',
    )
    .argument('<model>', 'model/version, model@alias, or a path that ends in .onnx')
    .addOption(new Option('--name <deployment>', 'name of the deployment; default: the model’s'))
    .addOption(new Option('--force', 'deploy although a gate has not passed; needs --reason'))
    .addOption(new Option('--reason <text>', 'why, for the audit log'))
    .action(deployCommand)
}

async function deployCommand(model: string, options: DeployOptions): Promise<void> {
  const api = apiOf(options)
  const target = model.endsWith('.onnx')
    ? await importOnnx(model, options)
    : await resolveVersion(model, options)
  const deployed = await api.post<Deployed>('/deployments', {
    name: options.name ?? target.model,
    ...target,
    ...(options.force && { force: true }),
    ...(options.reason !== undefined && { reason: options.reason }),
  })
  print(options, deployed, () => deployed.sentence)
}

interface Target {
  model: string
  version: number
}

async function importOnnx(path: string, options: DeployOptions): Promise<Target> {
  if (!options.name) throw new AppError('invalid', 'Name the deployment of an ONNX file with --name')
  const bytes = await readFile(absolute(path)).catch((cause: unknown) => {
    throw new AppError('not_found', `${path} can't be read`, { cause })
  })
  return await apiOf(options).post<Target>(`/models/${encodeURIComponent(options.name)}/versions`, {
    onnxBase64: bytes.toString('base64'),
    source: path,
  })
}

async function resolveVersion(text: string, options: CommandOptions): Promise<Target> {
  const [, model, version, alias] = /^([^/@]+)(?:\/(\d+)|@([\w-]+))?$/.exec(text) ?? []
  if (model === undefined)
    throw new AppError('invalid', `${text} is not of the form model/version or model@alias`)
  if (version !== undefined) return { model, version: Number(version) }
  const { aliases } = await apiOf(options).get<{ aliases: { alias: string; version: number }[] }>(
    `/models/${encodeURIComponent(model)}`,
  )
  const wanted = alias ?? 'challenger'
  const found = aliases.find((candidate) => candidate.alias === wanted)
  if (found) return { model, version: found.version }
  throw new AppError('not_found', `${model} has no version with the alias ${wanted}; name one as ${model}/1`)
}
