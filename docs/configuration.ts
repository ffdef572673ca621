import { configSchema, environmentName } from '../src/kernel/config.ts'

/** The reference of the settings, from their schema. */
export function configurationPage(): string {
  const defaults: Record<string, string | number | boolean | undefined> = configSchema.parse({})
  const rows = Object.entries(configSchema.shape).map(
    ([key, schema]) =>
      `| \`${key}\` | \`${environmentName(key)}\` | ${defaults[key] === undefined ? '' : `\`${String(defaults[key])}\``} | ${(schema.description ?? '').replaceAll('|', '\\|')} |`,
  )
  return `# Configuration

Written by \`node docs/generate.ts\` from the schema of the settings. A setting is taken from the command line, else from the environment, else
from \`tidemill.json\` in the folder where the command runs, else it has its default. An unknown key, or a \`TIDEMILL_\` name that is none of these,
is refused.

| key in \`tidemill.json\` | environment | default | |
| --- | --- | --- | --- |
${rows.join('\n')}

Steps of other languages find \`TIDEMILL_CONTEXT\`, \`TIDEMILL_MESSAGES\`, \`TIDEMILL_TOKEN\` and \`TIDEMILL_URL\` in their environment; these are no settings.
`
}
