import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Option, type Command } from 'commander'
import { absolute, print } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { withRowOptions, type RowOptions } from '../exploring/exploring.ts'

interface InferOptions extends RowOptions {
  target?: string
  to?: string
  force?: boolean
}

/** `data infer`, below the command `data`. */
export function addInferCommand(data: Command): Command {
  withRowOptions(data.command('infer'))
    .description(
      'propose expectations as code; with --target also the task, the split by time, and suspected leaks',
    )
    .argument(
      '<dataset or file>',
      'a dataset, one of its versions as flights@2, or a file or glob, which needs no project and no server',
    )
    .addOption(new Option('--target <column>', 'what is to be predicted'))
    .addOption(new Option('--to <file>', 'write the code there instead of printing it'))
    .addOption(new Option('--force', 'replace a file that is there'))
    .action(inferCommand)
  return data
}

async function inferCommand(subject: string, options: InferOptions): Promise<void> {
  const { target, to, force = false } = options
  const isFile = /[*?{./\\]/.test(subject) || existsSync(subject)
  const { inferDataset, inferFiles } = await import('./infer-rows.ts')
  const { code, inferred } = isFile
    ? await inferFiles(subject, { target })
    : await inferDataset(options, subject, { target })
  if (to !== undefined) await write(absolute(to), code, force)
  const all = [inferred.table, ...inferred.columns.map(({ proposals }) => proposals), inferred.rest].flat()
  const answer = {
    code,
    rows: inferred.evidence.rows,
    time: inferred.time?.name ?? null,
    expectations: all,
    target: inferred.target ?? null,
  }
  print(options, answer, () =>
    to === undefined ? code.trimEnd() : `${all.length} expectations of ${basename(subject)} are in ${to}.`,
  )
}

async function write(path: string, code: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, code, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new AppError('already_exists', `${path} is there: --force replaces it`)
  }
}
