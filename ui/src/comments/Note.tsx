import { useState } from 'react'
import { Button } from '../kit/Button.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Editor } from './Editor.tsx'
import { Markdown } from './Markdown.tsx'

interface NoteProps {
  text: string
  /** What is said while there is none. */
  empty: string
  rooms: readonly string[]
  onSave: (text: string) => Promise<unknown>
}

/** The description of a run, a model or a version, edited in place. */
export function Note({ text, empty, rooms, onSave }: NoteProps) {
  const [edited, setEdited] = useState(false)
  return (
    <Section
      title="Description"
      note={
        edited ? undefined : (
          <Button look="quiet" label="Edit the description" onPress={() => setEdited(true)}>
            Edit
          </Button>
        )
      }
    >
      {edited ? (
        <Editor
          label="Description"
          verb="Save"
          text={text}
          rooms={rooms}
          mayBeEmpty
          onSave={onSave}
          onClose={() => setEdited(false)}
        />
      ) : text.trim() === '' ? (
        <Quiet>{empty}</Quiet>
      ) : (
        <Markdown text={text} />
      )}
    </Section>
  )
}
