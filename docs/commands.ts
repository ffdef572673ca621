import type { Command, Option } from 'commander'
import { EXIT_CODE } from '../src/http/command.ts'

/** The reference of the command line, from the program itself. */
export function commandsPage(program: Command): string {
  const codes = Map.groupBy(Object.entries(EXIT_CODE), ([, code]) => code)
  const exits = [...codes]
    .toSorted(([a], [b]) => a - b)
    .map(([code, names]) => {
      return `| ${code} | ${names.map(([name]) => `\`${name}\``).join(', ')} |`
    })
  return `# Commands

Written by \`node docs/generate.ts\` from the program itself. \`tidemill <command> --help\` prints the same.

A command that talks to a server finds the one that \`tidemill up\` started in this folder; \`--server\` names another. \`--json\` prints
one JSON document on standard output; progress and errors go to standard error, an error as \`{ "error": { "code", "message", "details" } }\`
on standard output.

| exit code | |
| --- | --- |
| 0 | done |
${exits.join('\n')}

\`tidemill exec\` ends with the exit code of the command that it ran.

${commandsBelow(program).map(commandSection).join('\n')}`
}

/** Every command, those below others included. */
export function commandsBelow(parent: Command): Command[] {
  return parent.commands.flatMap((command) => [command, ...commandsBelow(command)])
}

export function fullName(command: Command): string {
  return command.parent?.parent ? `${fullName(command.parent)} ${command.name()}` : command.name()
}

function commandSection(command: Command): string {
  const args = command.registeredArguments.map(
    (argument) =>
      `| \`${argument.required ? `<${name(argument)}>` : `[${name(argument)}]`}\` | ${argument.description} |`,
  )
  const options = command.options.map((option) => `| \`${option.flags}\` | ${describeOption(option)} |`)
  const usage = [
    'tidemill',
    fullName(command),
    ...command.registeredArguments.map((argument) =>
      argument.required ? `<${name(argument)}>` : `[${name(argument)}]`,
    ),
  ]
  const rows = [...args, ...options]
  const table = rows.length === 0 ? '' : `\n| argument, option | |\n| --- | --- |\n${rows.join('\n')}\n`
  return `## ${fullName(command)}\n\n\`${usage.join(' ')}\`: ${command.description()}.\n${table}`
}

function name(argument: { name(): string; variadic: boolean }): string {
  return `${argument.name()}${argument.variadic ? '...' : ''}`
}

function describeOption({ description, defaultValue, argChoices }: Option): string {
  const fallback = typeof defaultValue === 'string' ? ` (default \`${defaultValue}\`)` : ''
  const choices = argChoices ? `: ${argChoices.map((choice) => `\`${choice}\``).join(', ')}` : ''
  return `${description}${choices}${fallback}`.replaceAll('|', '\\|')
}
