import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CommanderError, type Command } from 'commander'
import { expect, test } from 'vitest'
import { commandsBelow, fullName } from '../docs/commands.ts'
import { createProgram } from '../src/command-line.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = ['README.md', 'CONTRIBUTING.md', 'docs/**/*.md', 'examples/*/README.md']
/** What stands for something of the reader's: such a line is a pattern, no command. */
const PATTERN = /[<>…[\]|]|\bRUN\b|\bSTEP\b|:[a-z]/

/** In prose a command goes by its name alone, without what it needs. */
const names = new Set(commandsBelow(createProgram()).map((command) => `tidemill ${fullName(command)}`))

interface Call {
  page: string
  line: string
}

/** Every `tidemill …` of a page, from its shell blocks and from its prose. */
function callsOf(page: string): Call[] {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/^```(?:sh|bash)?\n(.*?)^```/gms)].map(([, block]) => block!)
  const lines = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  const inline = [...prose.matchAll(/`(tidemill [^`]+)`/g)].map(([, code]) => code!)
  return [...lines, ...inline.filter((line) => !PATTERN.test(line) && !names.has(line))]
    .flatMap((line) => commandsIn(line))
    .map((line) => ({ page, line }))
}

/** The calls of `tidemill` in one line of a shell: what stands before `#`, between `&&` and `|`. */
function commandsIn(line: string): string[] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .split(/\s(?:&&|\||&)(?:\s|$)/)
    .map((part) => part.trim())
    .filter((part) => /^tidemill\s/.test(part))
}

function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)
}

/** The command line with nothing behind it, so that a call is only read. */
function inert(): Command {
  const program = createProgram()
  for (const command of commandsBelow(program)) {
    command.configureOutput({ writeErr: () => {}, writeOut: () => {} })
    command.action(() => {})
  }
  return program
}

async function refusal({ line }: Call): Promise<string | undefined> {
  try {
    await inert().parseAsync(words(line).slice(1), { from: 'user' })
    return undefined
  } catch (error) {
    return error instanceof CommanderError && error.exitCode === 0 ? undefined : (error as Error).message
  }
}

const pages = globSync(PAGES, { cwd: ROOT })
const calls = pages.flatMap(callsOf)

test('There are commands in the documentation', () => {
  expect(calls.length).toBeGreaterThan(60)
})

test('Every command that the documentation shows is one: its name, its arguments, its options', async () => {
  const wrong = await Promise.all(
    calls.map(async (call) => {
      const why = await refusal(call)
      return why === undefined ? [] : [`${call.page}: ${call.line}: ${why}`]
    }),
  )
  expect(wrong.flat()).toEqual([])
})
