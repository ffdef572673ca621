import { Option, type Command } from 'commander'
import { currentConfig, printRows, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'

interface SqlOptions extends Pick<CommandOptions, 'json'> {
  project: string
  dataDir?: string
}

export function addSqlCommand(program: Command): void {
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
  const { queryLog } = await import('./query.ts')
  const { dataDir } = options
  await using context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  const projectId = await resolveProject(context, options.project)
  const { columns, rows } = await queryLog(context, { projectId, actor: localOwner, sql })
  printRows(options, { columns, rows })
}
