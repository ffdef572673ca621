import { Option, type Command } from 'commander'
import { currentConfig, print, table, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'

interface SqlOptions extends Pick<CommandOptions, 'json'> {
  project: string
  dataDir?: string
}

export function addServingCommands(program: Command): void {
  program
    .command('sql')
    .description(
      'run a DuckDB query over the stored prediction log: views prediction, feedback and labelled; needs no server',
    )
    .argument('<query>', 'SQL, such as "SELECT version, count(*), avg(score) FROM prediction GROUP BY ALL"')
    .addOption(new Option('--project <name>', 'project to work in').default('default'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(sqlCommand)
}

async function sqlCommand(sql: string, options: SqlOptions): Promise<void> {
  const { openStored } = await import('../http/open-context.ts')
  const { resolveProject } = await import('../governance/governance.ts')
  const { queryLog } = await import('./log-query.ts')
  const { dataDir } = options
  await using context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  const projectId = await resolveProject(context, options.project)
  const { columns, rows } = await queryLog(context, { projectId, actor: localOwner, sql })
  print(options, rows.map(plainRow), () =>
    columns.length === 0
      ? 'Done.'
      : table(
          columns,
          rows.map((row) => columns.map((name) => cellText(row[name]))),
        ),
  )
}

/** JSON has no integers beyond 2^53: they are printed as text. */
function plainRow(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  )
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
