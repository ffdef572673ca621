import { localOwner } from '../src/kernel/actor.ts'
import { registerVersion, type RegisterVersion } from '../src/registry/registry.ts'
import { PROJECT_ID, type TestContext } from './databases.ts'

/** Registers so many versions of the binary model `late`, which scores an hour; `more` is what each has beside that. */
export async function registerLate(
  context: TestContext,
  versions: number,
  more: (version: number) => Partial<RegisterVersion> = () => ({}),
): Promise<void> {
  for (let version = 1; version <= versions; version++)
    await registerVersion(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      model: 'late',
      source: 'test',
      createModel: true,
      task: 'binary',
      onnx: await context.artifacts.put(Buffer.from(`graph ${version}`)),
      signature: {
        inputs: [{ name: 'hour', kind: 'number', datatype: 'FP64', nullable: true }],
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
        task: 'binary',
      },
      ...more(version),
    })
}
