import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { base } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { me, projects, signOut } from './api.ts'
import styles from './Who.module.css'

const DEFAULT = 'default'

/** Who is signed in, and the project that the pages are about. */
export function Who() {
  const who = useQuery({ ...me(), staleTime: 60_000 })
  const known = useQuery({ ...projects(), staleTime: 60_000 })
  const here = base === '' ? DEFAULT : decodeURIComponent(base.slice('/p/'.length))
  const names = known.data?.items.map(({ name }) => name) ?? []
  return (
    <span className={styles['who']}>
      {names.length > 1 && (
        <select
          aria-label="Project"
          value={here}
          onChange={({ target }) => location.assign(target.value === DEFAULT ? '/' : `/p/${target.value}/`)}
        >
          {[...new Set([here, ...names])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
      {who.data && who.data.kind !== 'owner' && (
        <>
          <Link href="/account">{who.data.name}</Link>
          <Button onPress={() => void signOut().then(() => location.assign('/sign-in'))}>Sign out</Button>
        </>
      )}
    </span>
  )
}
