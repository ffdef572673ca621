import { useCallback } from 'react'
import { useSearchParams } from 'wouter'

/** A piece of page state that lives in the address; the fallback is not written there. Without `replace` the back button leads to what was chosen before. */
export function useParam(
  name: string,
  fallback: string,
  { replace = true }: { replace?: boolean } = {},
): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams()
  const set = useCallback(
    (value: string) =>
      setParams(
        () => {
          // What the hook has seen is behind when another piece was written just before.
          const after = new URLSearchParams(location.search)
          if (value === fallback) after.delete(name)
          else after.set(name, value)
          return after
        },
        { replace },
      ),
    [name, fallback, replace, setParams],
  )
  return [params.get(name) ?? fallback, set]
}
