import { writeFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { absolute, apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { parseVersion } from '../registry/version-reference.ts'
import type { ModelCard } from './schema.ts'

/** Adds to the command `models`. */
export function addCardCommand(models: Command): void {
  withServerOptions(models.command('card'))
    .description('the card of a version, as Markdown or as a page')
    .argument('<version>', 'model/version, such as late/3')
    .addOption(new Option('--html', 'as a page that needs nothing else'))
    .addOption(new Option('--output <file>', 'write it there instead of printing it'))
    .action(cardCommand)
}

interface CardOptions extends CommandOptions {
  html?: boolean
  output?: string
}

async function cardCommand(named: string, options: CardOptions): Promise<void> {
  const { cardHtml, cardMarkdown } = await import('./text.ts')
  const { model, version } = parseVersion(named)
  const path = `/models/${encodeURIComponent(model)}/versions/${version}/card`
  const card = await apiOf(options).get<ModelCard>(path)
  const text = options.html ? cardHtml(card) : cardMarkdown(card)
  if (options.output === undefined) return print(options, card, () => text.trimEnd())
  await writeFile(absolute(options.output), text)
  print(options, { file: options.output }, () => `wrote ${options.output}`)
}
