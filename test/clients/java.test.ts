import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { acceptInvite, invite } from '../../src/governance/invites.ts'
import { localOwner } from '../../src/kernel/actor.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { startServer } from '../../src/server/server.ts'
import { openTestContext, PROJECT_ID } from '../databases.ts'
import { userWithToken, withSignIn } from '../people.ts'
import { ensureEnvironment } from './environments.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, 'java')
const PASSWORD = 'a long enough password'

/** The class path of what pom.xml names, which Maven brings when it is missing. */
async function classPath(home: string): Promise<string> {
  const file = join(home, 'class-path')
  const goal = ['dependency:build-classpath', `-Dmdep.outputFile=${file}`]
  await run('mvn', ['--batch-mode', '--quiet', '--file', join(folder, 'pom.xml'), ...goal], {
    timeout: 300_000,
  })
  return readFileSync(file, 'utf8')
}

it('MLflow’s Java client does a day’s work, with a password and with a token', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tidemill-java-'))
  // For artifacts the Java client starts MLflow's command line, which it expects on the path
  const python = await ensureEnvironment(
    'mlflow-skinny',
    join(import.meta.dirname, 'mlflow/requirements-skinny.txt'),
  )
  await using opened = await openTestContext()
  const context = withSignIn({ ...opened, clock: systemClock })
  await userWithToken(context, 'root', { '*': 'admin' })
  const { token } = await userWithToken(context, 'ada', { [PROJECT_ID]: 'maintainer' })
  const { secret } = await invite(context, { actor: localOwner, name: 'ada' })
  await acceptInvite(context, { secret, password: PASSWORD, address: '' })
  await using server = await startServer(context)
  const options = ['-cp', await classPath(home), `-Djava.io.tmpdir=${home}`]
  const args = [server.url, 'ada', PASSWORD, token]
  const { stdout } = await run('java', [...options, join(folder, 'Everyday.java'), ...args], {
    env: {
      PATH: `${dirname(python)}:${process.env['PATH']}`,
      HOME: home,
      TMPDIR: home,
      LC_ALL: 'C.UTF-8',
      MLFLOW_TRACKING_TOKEN: token,
      MLFLOW_DISABLE_TELEMETRY: 'true',
    },
    timeout: 300_000,
  })
  expect(stdout.trim().split('\n').at(-1)).toBe('ok')
  rmSync(home, { recursive: true })
})
