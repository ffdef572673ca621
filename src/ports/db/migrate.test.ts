import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { describeDatabases } from '../../../test/databases.ts'
import { requireCurrent } from './migrate.ts'

describeDatabases('a database of another version', (open) => {
  test('is refused by all but the migrator, with what to do', async () => {
    const { db } = await open()
    await requireCurrent(db)
    await db.write((trx) => sql`DELETE FROM migration WHERE name = '043-push-keys'`.execute(trx))
    await expect(requireCurrent(db)).rejects.toThrow(
      /older than this program: it lacks 043-push-keys\. Start the server/,
    )
    await db.write((trx) =>
      sql`INSERT INTO migration (name, applied_ms) VALUES ('999-later', 0)`.execute(trx),
    )
    await expect(requireCurrent(db)).rejects.toThrow(/newer than this program: it has 999-later/)
    await db.write((trx) => sql`DROP TABLE migration`.execute(trx))
    await expect(requireCurrent(db)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'The database is empty. Start the server first, which makes its tables.',
    })
  })
})
