/**
 * The page that an address of MLflow's own UI means: clients print `/#/experiments/1/runs/abc…`. Undefined for a hash that is none of them.
 */
export function pageOfMlflowAddress(hash: string): string | undefined {
  const [path = ''] = hash.replace(/^#/, '').split('?')
  const [kind, ...parts] = path.split('/').slice(1)
  if (!path.startsWith('/')) return undefined
  if (kind === 'experiments') return parts[1] === 'runs' && parts[2] ? `/runs/${parts[2]}` : runsOf(parts[0])
  if (kind === 'compare-runs') return '/runs'
  if (kind !== 'models') return kind === '' ? '/' : undefined
  const [name, what, version] = parts
  if (!name) return '/models'
  return what === 'versions' && version ? `/models/${name}/versions/${version}` : `/models/${name}`
}

function runsOf(experimentId: string | undefined): string {
  return experimentId ? `/runs?experiment=${experimentId}` : '/runs'
}
