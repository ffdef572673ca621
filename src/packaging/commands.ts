import type { Command } from 'commander'
import { Option } from 'commander'
import { mkdir, readdir } from 'node:fs/promises'
import { absolute, apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { resolveVersion } from '../registry/version-reference.ts'
import { readTar } from './tar.ts'

interface PackageOptions extends CommandOptions {
  out: string
  deployment?: string
}

export function addPackagingCommands(program: Command): void {
  withServerOptions(program.command('package'))
    .description('write a folder that serves a registered version with no Tidemill around')
    .argument('<model>', 'models:/late@champion, late@champion or late/3')
    .requiredOption('--out <folder>', 'new or empty folder')
    .addOption(new Option('--deployment <name>', 'whose policy and name it gets; default: one of the model'))
    .action(packageCommand)
}

async function packageCommand(reference: string, options: PackageOptions): Promise<void> {
  const api = apiOf(options)
  const { model, version } = await resolveVersion(api, reference)
  const folder = absolute(options.out)
  if ((await readdir(folder).catch(() => [])).length > 0)
    throw new AppError('conflict', `${options.out} is not empty; name a new folder`)
  const query =
    options.deployment === undefined ? '' : `?deployment=${encodeURIComponent(options.deployment)}`
  const path = `/models/${encodeURIComponent(model)}/versions/${version}/package${query}`
  const { body, headers } = await api.download(path)
  await mkdir(folder, { recursive: true })
  const files = await readTar(body, folder)
  const digest = headers.get('tidemill-digest')
  const sentence = `${model}/${version} is packaged in ${options.out}: ${files.length} files, SHA-256 of manifest.json ${digest}.`
  const next = `  cd ${options.out} && npm install --omit=dev && node serve.mjs --verify`
  print(options, { model, version, folder, files, digest }, () => `${sentence}\n${next}`)
}
