import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useLocation } from 'wouter'
import { base } from '../api.ts'
import { Page } from '../kit/Page.tsx'
import { me, projects } from './api.ts'

/** The pages, unless who is signed in has no role in their project: then the way to those there are. */
export function NoRole({ children }: { children: ReactNode }) {
  const [path] = useLocation()
  const who = useQuery({ ...me(), staleTime: 60_000 }).data
  const known = useQuery({ ...projects(), staleTime: 60_000 }).data?.items
  const here = base === '' ? 'default' : decodeURIComponent(base.slice('/p/'.length))
  if (!who || !known || path === '/account' || known.some(({ name }) => name === here)) return children
  return (
    <Page
      title={`No role in ${here}`}
      lede={
        known.length === 0
          ? `${who.name} is signed in and has no role in any project yet: ask an admin for one.`
          : `${who.name} has no role in this project. These are open:`
      }
    >
      <ul>
        {known.map(({ name, role }) => (
          <li key={name}>
            <a href={name === 'default' ? '/' : `/p/${encodeURIComponent(name)}/`}>{name}</a> ({role})
          </li>
        ))}
      </ul>
    </Page>
  )
}
