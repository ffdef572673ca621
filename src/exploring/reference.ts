export function datasetPath(name: string): string {
  return `/datasets/${encodeURIComponent(name)}`
}
