export type Api = ReturnType<typeof apiAt>

/** The API of the server that the browser looks at, for what a check has to know or make first. */
export function apiAt(base: string) {
  const ask = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(`${base}/api${path}`, init)
    if (!response.ok)
      throw new Error(
        `${init?.method ?? 'GET'} ${path} answered ${response.status}: ${await response.text()}`,
      )
    return (await response.json()) as T
  }
  const send = <T>(method: string, path: string, body?: unknown) =>
    ask<T>(path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const get = <T>(path: string) => ask<T>(`/v1${path}`)
  const list = async <T>(path: string) => (await get<{ items: T[] }>(path)).items
  const mlflow = <T>(path: string, body: unknown) => send<T>('POST', `/2.0/mlflow/${path}`, body)
  return {
    get,
    list,
    mlflow,
    send: <T>(method: string, path: string, body?: unknown) => send<T>(method, `/v1${path}`, body),
    /** With commas, as a search for runs takes them. */
    experimentIds: async () =>
      (await list<{ id: string }>('/experiments?limit=1000')).map(({ id }) => id).join(','),
    run: async (name: string, experimentId = '0') => {
      const { run } = await mlflow<{ run: { info: { run_id: string } } }>('runs/create', {
        experiment_id: experimentId,
        run_name: name,
        start_time: Date.now(),
      })
      return { id: run.info.run_id }
    },
    deleteRun: (id: string) => mlflow('runs/delete', { run_id: id }),
  }
}
