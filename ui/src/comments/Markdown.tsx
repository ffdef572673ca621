import { useQuery } from '@tanstack/react-query'
import { markdown } from './api.ts'
import styles from './Markdown.module.css'

/** What the server rendered: it lets no HTML of the text through, and loads nothing from another host. */
export function Rendered({ html }: { html: string }) {
  return <div className={styles['text']} dangerouslySetInnerHTML={{ __html: html }} />
}

/** Markdown that is not rendered yet. Until it is, the text stands as it was written. */
export function Markdown({ text }: { text: string }) {
  const { data } = useQuery(markdown(text))
  return data === undefined ? <p className={styles['raw']}>{text}</p> : <Rendered html={data.html} />
}
