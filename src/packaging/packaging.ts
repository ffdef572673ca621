import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FeatureServiceSpec } from '../features/schema.ts'
import { codeVersion } from '../governance/code-version.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import { moduleGraph } from '../project/module-graph.ts'
import { unpackSnapshot } from '../ports/artifacts/unpack-snapshot.ts'
import { getModelVersion } from '../registry/registry.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { deployableVersion, listDeployments, policyOf } from '../rollout/rollout.ts'
import type { DesiredDeployment, Variant } from '../serving/schema.ts'
import { dockerfile, readme, SERVE } from './bundle-texts.ts'
import { programCode } from './program-code.ts'
import type { TarEntry } from './tar.ts'

const SOURCE = fileURLToPath(new URL('..', import.meta.url))
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const ENTRIES = ['gateway/standalone', 'serving/inference-thread'].map((path) => `${path}.${EXTENSION}`)
const PYTHON_SCRIPT = 'ports/inference/pyfunc_server.py'

type PackagingContext = Pick<Context, 'db' | 'artifacts' | 'config'>
type BundleFile = { bytes: Uint8Array } | { path: string; sha256: string; sizeBytes: number }

export interface Bundle {
  /** By path; the manifest is one of them. */
  files: ReadonlyMap<string, BundleFile>
  /** SHA-256 of the manifest: the same version under the same policy gives the same. */
  digest: string
}

/**
 * Everything that serves a version with no Tidemill around: the model, its signature, the code of its on-demand features, and the part of this program
 * that answers. The policy is that of a deployment of the model. Throws `invalid` for a version that can't be served by itself: one without
 * a graph or pyfunc model, and one that reads feature views, whose values only an online store has.
 */
export async function packageVersion(
  context: PackagingContext,
  input: Caller & { model: string; version: number; deployment?: string | undefined },
): Promise<Bundle> {
  requirePermission(input.actor, 'view', input.projectId)
  const version = await getModelVersion(context, input)
  // Packaging runs no code of the model: whether this server may is no matter.
  const config = { ...context.config, pythonModels: true }
  const variant = await deployableVersion({ db: context.db, config }, input)
  requireNoViews(variant)
  const deployment = await deploymentOf(context, input, variant)
  const files = new Map<string, BundleFile>()
  await addModel(context, files, variant)
  if (variant.featureService && variant.codeSnapshot !== undefined)
    await addFeatures(context, files, variant.featureService, variant.codeSnapshot)
  const packages = await addProgram(files, variant)
  addTexts(files, { version, variant, deployment, packages })
  return sealed(files, version)
}

function requireNoViews({ model, version, featureService }: Variant): void {
  const views = featureService?.views ?? []
  if (views.length === 0) return
  throw new AppError(
    'invalid',
    `${model}/${version} reads the feature ${views.length === 1 ? 'view' : 'views'} ${views.map(({ view }) => view).join(', ')} online: ` +
      'a package has no online store. Serve it by a gateway, or train a version on features of the request',
  )
}

/** As the gateway would serve it: under the policy of the deployment, by its name; else under the defaults, by the model's. */
async function deploymentOf(
  { db }: PackagingContext,
  {
    projectId,
    model,
    deployment: wanted,
  }: { projectId: string; model: string; deployment?: string | undefined },
  variant: Variant,
): Promise<DesiredDeployment> {
  const all = (await listDeployments(db.read, projectId)).filter((each) => each.model === model)
  const found =
    all.find(({ name }) => name === (wanted ?? model)) ?? (wanted === undefined ? all[0] : undefined)
  if (found === undefined && wanted !== undefined)
    throw new AppError('not_found', `There is no deployment ${wanted} of the model ${model}`)
  return {
    projectId,
    project: 'default',
    name: found?.name ?? model,
    task: variant.signature.task,
    unit: 'request',
    policy: found ? policyOf(found) : { version: 0 },
    ...(found?.definition.entity && { entity: found.definition.entity }),
    stable: variant,
    pinned: [],
  }
}

async function addModel(
  { artifacts }: PackagingContext,
  files: Map<string, BundleFile>,
  { onnxSha256, layoutSha256, python }: Variant,
): Promise<void> {
  const blobs: Record<string, string> = {}
  const add = async (path: string, hash: string): Promise<void> => {
    const local = await artifacts.localPath(hash)
    files.set(path, { path: local, sha256: hash, sizeBytes: await sizeOf(local) })
    blobs[hash] = path
  }
  if (onnxSha256 !== undefined) await add('model.onnx', onnxSha256)
  if (layoutSha256 !== undefined) await add('reference-profile.json', layoutSha256)
  for (const file of python?.files ?? []) await add(`python/${file.path}`, file.sha256)
  setJson(files, 'blobs.json', blobs)
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size
}

/** The modules that the on-demand features reach, and no other code of the project. */
async function addFeatures(
  { artifacts, config }: PackagingContext,
  files: Map<string, BundleFile>,
  { onDemand }: FeatureServiceSpec,
  hash: string,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemill-package-'))
  try {
    const folder = await unpackSnapshot(
      { artifacts, config: { ...config, dataDir } },
      { hash, dependencies: undefined },
    )
    const graph = await moduleGraph(folder, [...new Set(onDemand.map(({ module }) => module))])
    for (const { path } of graph.values())
      files.set(`features/${path}`, { bytes: await readFile(join(folder, path)) })
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** The part of this program that answers, with the exact versions of the packages that it needs. */
async function addProgram(
  files: Map<string, BundleFile>,
  { python }: Variant,
): Promise<Record<string, string>> {
  const { files: code, packages } = await programCode(SOURCE, ENTRIES)
  for (const [path, text] of code) setText(files, `code/${path}`, text)
  if (python) files.set(`code/${PYTHON_SCRIPT}`, { bytes: await readFile(join(SOURCE, PYTHON_SCRIPT)) })
  const own = JSON.parse(await readFile(join(SOURCE, '../package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  files.set('LICENSE', { bytes: await readFile(join(SOURCE, '../LICENSE')) })
  return Object.fromEntries([...packages].sort().map((name) => [name, own.dependencies[name]!]))
}

function addTexts(
  files: Map<string, BundleFile>,
  {
    version,
    variant,
    deployment,
    packages,
  }: {
    version: ModelVersion
    variant: Variant
    deployment: DesiredDeployment
    packages: Record<string, string>
  },
): void {
  const facts = {
    model: version.model,
    version: version.version,
    deployment: deployment.name,
    program: codeVersion,
    isPython: variant.python !== undefined,
  }
  setJson(files, 'deployment.json', deployment)
  setJson(files, 'signature.json', variant.signature)
  if (variant.featureService) setJson(files, 'feature-service.json', variant.featureService)
  setJson(files, 'environment.json', { tidemill: codeVersion, node: '>=24', packages })
  setJson(files, 'version.json', {
    id: version.id,
    model: version.model,
    version: version.version,
    task: version.task,
    source: version.source,
    runId: version.runId,
    lineage: version.lineage,
    createdMs: version.createdMs,
  })
  setJson(files, 'package.json', {
    name: `model-${version.version}`,
    description: `${version.model}/${version.version}, packaged by Tidemill`,
    version: codeVersion,
    private: true,
    type: 'module',
    license: 'Apache-2.0',
    scripts: { start: 'node serve.mjs --verify' },
    engines: { node: '>=24' },
    dependencies: packages,
  })
  setText(files, '.npmrc', 'onnxruntime-node-install=skip\n')
  setText(files, 'serve.mjs', SERVE)
  setText(files, 'Dockerfile', dockerfile(facts))
  setText(files, '.dockerignore', 'node_modules\ndata\n')
  setText(files, 'README.md', readme(facts))
  const installed = Object.entries(packages).map(([name, exact]) => `- ${name} ${exact}`)
  setText(
    files,
    'NOTICE',
    `Tidemill ${codeVersion} (Apache License 2.0, see LICENSE): serve.mjs and the files under code/.\n\nInstalled from npm, under licenses of their own:\n${installed.join('\n')}\n`,
  )
}

function sealed(files: Map<string, BundleFile>, { model, version }: ModelVersion): Bundle {
  const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
  const hashes = [...sorted].map(([path, file]) => [path, 'bytes' in file ? sha256(file.bytes) : file.sha256])
  const manifest = { format: 1, model, version, program: codeVersion, files: Object.fromEntries(hashes) }
  setJson(sorted, 'manifest.json', manifest)
  const sealing = sorted.get('manifest.json') as { bytes: Uint8Array }
  return { files: sorted, digest: sha256(sealing.bytes) }
}

function setText(files: Map<string, BundleFile>, path: string, text: string): void {
  files.set(path, { bytes: Buffer.from(text) })
}

function setJson(files: Map<string, BundleFile>, path: string, value: unknown): void {
  setText(files, path, `${JSON.stringify(value, undefined, 2)}\n`)
}

/** The files of a bundle as entries of an archive. */
export function* archiveEntries({ files }: Bundle): Generator<TarEntry> {
  for (const [path, file] of files) {
    if ('bytes' in file) yield { path, sizeBytes: file.bytes.byteLength, content: [file.bytes] }
    else yield { path, sizeBytes: file.sizeBytes, content: createReadStream(file.path) }
  }
}
