import { useCallback } from 'react'
import { useSearchParams } from 'wouter'

/** A piece of page state that lives in the address; the fallback is not written there. */
export function useParam(name: string, fallback: string): [string, (value: string) => void] {
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
        { replace: true },
      ),
    [name, fallback, setParams],
  )
  return [params.get(name) ?? fallback, set]
}
