import { stat } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { absolute, apiOf, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { importedTasks, type ImportReport, type Signature } from '../model-files/schema.ts'

export interface ImportFileOptions extends CommandOptions {
  name?: string
  task?: string
  features?: string
  positive?: string
  golden?: string
}

export interface ImportedFile {
  model: string
  version: number
  created: boolean
  signature: Signature
  report?: ImportReport
}

/** What an ONNX file does not say by itself. */
export function withImportOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--task <task>', 'what it predicts, where its outputs do not tell').choices(importedTasks),
    )
    .addOption(new Option('--features <names>', 'names of the columns of its one matrix input: a,b,c'))
    .addOption(new Option('--positive <class>', 'binary: the class whose probability is the score'))
    .addOption(
      new Option('--golden <file>', 'inputs and the outputs it must give for them: .json or .parquet'),
    )
}

/** Sends an ONNX file, as it lies on disk, to be registered as the next version of `name`. */
export async function importFile(path: string, options: ImportFileOptions): Promise<ImportedFile> {
  const { name, task, positive, golden } = options
  if (!name) throw new AppError('invalid', 'Name the model of an ONNX file with --name')
  const api = apiOf(options)
  const send = async (file: string): Promise<string> => {
    const local = absolute(file)
    await stat(local).catch((cause: unknown) => {
      throw new AppError('not_found', `${file} can't be read`, { cause })
    })
    return (await api.upload<{ upload: string }>('/uploads', local)).upload
  }
  const features = options.features?.split(',').map((feature) => feature.trim())
  return await api.post<ImportedFile>(`/models/${encodeURIComponent(name)}/versions`, {
    upload: await send(path),
    source: path,
    ...(task !== undefined && { task }),
    ...(features && { features }),
    ...(positive !== undefined && { positive }),
    ...(golden !== undefined && { golden: { upload: await send(golden), format: formatOf(golden) } }),
  })
}

function formatOf(path: string): 'json' | 'parquet' {
  if (path.endsWith('.parquet')) return 'parquet'
  if (path.endsWith('.json')) return 'json'
  throw new AppError('invalid', `${path}: a golden batch is a .json or a .parquet file`)
}
