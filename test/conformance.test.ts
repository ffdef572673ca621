import { it } from 'vitest'
import { localOwner } from '../src/kernel/actor.ts'
import { mlflowApp } from '../src/protocols/mlflow/mlflow.ts'
import { listCases, replay } from './conformance/replay.ts'
import { describeDatabases } from './databases.ts'

describeDatabases('MLflow conformance', (open) => {
  for (const { name, steps } of listCases('mlflow')) {
    it(name, async () => {
      const app = mlflowApp(await open(), () => localOwner)
      await replay(steps, (request) => app.request(request))
    })
  }
})
