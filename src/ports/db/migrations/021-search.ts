import { sql, type Kysely } from 'kysely'
import { wordsOf } from '../../../kernel/words.ts'
import type { DialectName } from '../dialect.ts'

const PAGE = 500
const WORDS = 12

/** Words that runs are found by, saved views, and an order by time across experiments. */
export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  // Ranges of words are ranges of their beginnings in the order of code points only.
  const word = dialect === 'postgres' ? sql`text collate "C"` : sql`text`
  await db.schema
    .createTable('run_word')
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('word', word, (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_word_pk', ['run_id', 'key', 'word'])
    .execute()
  await fillWords(db)
  await db.schema
    .createIndex('run_word_by_word')
    .on('run_word')
    .columns(['project_id', 'word', 'run_id'])
    .execute()
  await db.schema
    .createIndex('run_by_project_start')
    .on('run')
    .columns(['project_id', 'lifecycle', 'start_ms', 'id'])
    .execute()
  await db.schema
    .createTable('saved_view')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('page', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('query', 'text', (c) => c.notNull())
    .addColumn('actor_id', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('saved_view_name', ['project_id', 'page', 'name'])
    .execute()
}

interface TagRow {
  run_id: string
  key: string
  value: string
  project_id: string
}

/** What runs of an older program are found by: their names, descriptions, users, sources, commits and own tags. */
async function fillWords(db: Kysely<unknown>): Promise<void> {
  let after: TagRow | undefined
  for (;;) {
    const from = after ? sql`(run_id, key) > (${after.run_id}, ${after.key}) and ` : sql``
    const { rows }: { rows: TagRow[] } = await sql<TagRow>`
      select run_id, key, value, project_id from run_tag
      where ${from}(key not like 'mlflow.%' or key in ('mlflow.runName', 'mlflow.note.content', 'mlflow.user',
        'mlflow.source.name', 'mlflow.source.git.commit'))
      order by run_id, key limit ${PAGE}`.execute(db)
    const words = rows.flatMap(({ run_id, key, value, project_id }) =>
      wordsOf(value, WORDS).map((word) => sql`(${run_id}, ${key}, ${word}, ${project_id})`),
    )
    if (words.length > 0)
      await sql`insert into run_word (run_id, key, word, project_id) values ${sql.join(words)}
        on conflict do nothing`.execute(db)
    after = rows.at(-1)
    if (rows.length < PAGE) return
  }
}
