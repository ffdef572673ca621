import { useState } from 'react'
import { Button } from '../kit/Button.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Editor } from './Editor.tsx'
import { Markdown } from './Markdown.tsx'

const shown = 300

interface NoteProps {
  text: string
  /** What is said while there is none. */
  empty: string
  rooms: readonly string[]
  /** The text as the server has it at this moment. */
  read: () => Promise<string>
  onSave: (text: string) => Promise<unknown>
}

/** The description of a run, a model or a version, edited in place. What somebody else wrote meanwhile is told before it is replaced. */
export function Note({ text, empty, rooms, read, onSave }: NoteProps) {
  const [edited, setEdited] = useState(false)
  const [known, setKnown] = useState(text)
  const save = async (draft: string): Promise<unknown> => {
    const now = await read()
    if (now === known || now === draft) return await onSave(draft)
    setKnown(now)
    throw new Error(
      now === ''
        ? 'Somebody has taken the description away meanwhile. To save again writes yours.'
        : `Somebody has changed it meanwhile: “${now.slice(0, shown)}${now.length > shown ? '…' : ''}” To save again replaces that.`,
    )
  }
  return (
    <Section
      title="Description"
      note={
        edited ? undefined : (
          <Button
            look="quiet"
            label="Edit the description"
            onPress={() => {
              setKnown(text)
              setEdited(true)
            }}
          >
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
          onSave={save}
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
