import { hashJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import type { Queryable } from '../ports/db/db.ts'
import { isStoredHere, listFilesAt } from '../tracking/tracking.ts'
import type { ModelVersionRow } from '../registry/registry.ts'

/**
 * What a version is, as one SHA-256: its graph, the content of its files where they are stored here, signature, feature service, code and
 * reference profile. Names, descriptions, tags and aliases are not in it. Of files that are stored elsewhere only the address is.
 */
export async function versionDigest(at: Queryable, row: ModelVersionRow): Promise<string> {
  const root = row.storage_location ?? row.source
  const files = await versionFiles(at, row)
  return hashJson({
    task: row.task,
    onnx: row.onnx_sha256,
    layout: row.layout_sha256,
    signature: parsed(row.signature_json),
    featureService: parsed(row.feature_service_json),
    code: row.code_snapshot,
    python: parsed(row.python_json),
    ...(isStoredHere(root)
      ? { files: files.map(({ path, sha256 }) => ({ path, sha256 })) }
      : { source: root }),
  })
}

/** The files of a version that are stored here, by path from the artifact root; none when they are stored elsewhere. */
export async function versionFiles(
  at: Queryable,
  { project_id: projectId, storage_location, source }: ModelVersionRow,
): Promise<({ path: string } & StoredBlob)[]> {
  const artifactUri = storage_location ?? source
  return isStoredHere(artifactUri) ? await listFilesAt(at, { projectId, artifactUri }) : []
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}
