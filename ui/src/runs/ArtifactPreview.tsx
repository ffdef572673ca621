import { useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { useState } from 'react'
import { Markdown } from '../comments/Markdown.tsx'
import { bytes, count } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { artifactHead, artifactHref, type ArtifactHead } from './artifact-api.ts'
import { factsOfBytes, parseTable, previewKind } from './artifact-content.ts'
import styles from './Artifacts.module.css'

const rowsShown = 200
const largestPicture = 20_000_000
const largestPage = 5_000_000

/** One artifact as far as it can be shown without running any of it. */
export function ArtifactPreview({
  runId,
  path,
  sizeBytes,
}: {
  runId: string
  path: string
  sizeBytes: number
}) {
  const kind = previewKind(path)
  const name = path.slice(path.lastIndexOf('/') + 1)
  return (
    <section className={styles['preview']} aria-label={`Preview of ${path}`}>
      <header className={styles['previewHead']}>
        <code>{path}</code>
        <span className={styles['size']}>{bytes(sizeBytes)}</span>
        <a href={artifactHref(runId, path)} download={name} className={styles['download']}>
          <Download size={13} aria-hidden /> Download
        </a>
      </header>
      {kind === 'image' && sizeBytes <= largestPicture ? (
        <Picture key={path} src={artifactHref(runId, path, { inline: true })} name={name} />
      ) : kind === 'page' && sizeBytes <= largestPage ? (
        // No scripts and an origin of its own: both here and in the policy that comes with the bytes.
        <iframe
          className={styles['frame']}
          sandbox=""
          title={name}
          src={artifactHref(runId, path, { inline: true })}
        />
      ) : (
        <Head runId={runId} path={path} />
      )}
    </section>
  )
}

function Picture({ src, name }: { src: string; name: string }) {
  const [broken, setBroken] = useState(false)
  if (broken)
    return <p className={styles['cut']}>This browser can’t show it: it may not be a whole picture.</p>
  return <img className={styles['picture']} src={src} alt={name} onError={() => setBroken(true)} />
}

function Head({ runId, path }: { runId: string; path: string }) {
  const query = useQuery(artifactHead(runId, path))
  return (
    <Loaded query={query}>
      {(head) => (
        <>
          <Content path={path} head={head} />
          {head.bytes.length < head.sizeBytes && previewKind(path) !== 'bytes' && (
            <p className={styles['cut']}>
              The first {bytes(head.bytes.length)} of {bytes(head.sizeBytes)}; the download has all of it.
            </p>
          )}
        </>
      )}
    </Loaded>
  )
}

function Content({ path, head }: { path: string; head: ArtifactHead }) {
  const kind = previewKind(path)
  const complete = head.bytes.length === head.sizeBytes
  const text = () => new TextDecoder().decode(head.bytes)
  if (head.sizeBytes === 0) return <p className={styles['cut']}>It is empty.</p>
  if (kind === 'table') return <TablePreview rows={parseTable(text(), { complete, most: rowsShown + 1 })} />
  if (kind === 'markdown')
    return (
      <div className={styles['prose']}>
        <Markdown text={text()} />
      </div>
    )
  if (kind === 'json') return <Text text={complete ? pretty(text()) : text()} />
  if (kind === 'text') return <Text text={text()} />
  return (
    <Facts
      items={[
        ...factsOfBytes(path, head.bytes),
        ['Size', `${count(head.sizeBytes)} bytes`],
        ['SHA-256', <code key="digest">{head.sha256}</code>],
      ]}
    />
  )
}

function Text({ text }: { text: string }) {
  return (
    <pre className={styles['text']} tabIndex={0} aria-label="Content">
      {text}
    </pre>
  )
}

/** Each level is indented by one more step: beyond so many the spaces would be more than the content. */
const deepest = 100

function pretty(text: string): string {
  if (nesting(text) > deepest) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

function nesting(text: string): number {
  let depth = 0
  let most = 0
  for (const letter of text) {
    if (letter === '[' || letter === '{') most = Math.max(most, ++depth)
    else if (letter === ']' || letter === '}') depth -= 1
  }
  return most
}

function TablePreview({ rows: [head, ...rows] }: { rows: string[][] }) {
  if (head === undefined) return <p className={styles['cut']}>It has no rows.</p>
  return (
    <div className={styles['tableBox']} tabIndex={0} role="region" aria-label="Rows">
      <table>
        <thead>
          <tr>
            {head.map((name, index) => (
              // oxlint-disable-next-line react/no-array-index-key
              <th key={index} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            // oxlint-disable-next-line react/no-array-index-key
            <tr key={at}>
              {row.map((cell, index) => (
                // oxlint-disable-next-line react/no-array-index-key
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
