import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { Comment, Subject } from '../../../src/governance/schema.ts'
import type { Page } from '../answers.ts'
import { at, request, search, send } from '../api.ts'

export type { Comment, Subject } from '../../../src/governance/schema.ts'

const size = 50

export const commentPages = (subject: Subject) =>
  infiniteQueryOptions({
    queryKey: ['comments', subject],
    queryFn: ({ pageParam }) =>
      request<Page<Comment>>(`/comments${search({ ...subject, limit: size, pageToken: pageParam })}`),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextPageToken,
  })

export const addComment = (subject: Subject, body: string) =>
  send<Comment>('POST', '/comments', { ...subject, body })
export const editComment = (id: string, body: string) =>
  send<Comment>('PATCH', `/comments/${at(id)}`, { body })
export const deleteComment = (id: string) => send('DELETE', `/comments/${at(id)}`)

/** Markdown as HTML, made safe by the server. The same text gives the same HTML for ever. */
export const markdown = (text: string) =>
  queryOptions({
    queryKey: ['markdown', text],
    queryFn: () => send<{ html: string }>('POST', '/markdown', { text }),
    enabled: text.trim() !== '',
    staleTime: Number.POSITIVE_INFINITY,
  })
