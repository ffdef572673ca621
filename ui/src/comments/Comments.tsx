import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { addComment, type Comment, commentPages, deleteComment, editComment, type Subject } from './api.ts'
import styles from './Comments.module.css'
import { Editor } from './Editor.tsx'
import { Rendered } from './Markdown.tsx'

/** What people said about a subject, oldest first, and a place to say more. */
export function Comments({ subjectType, subjectId }: Subject) {
  const subject = { subjectType, subjectId }
  const query = useInfiniteQuery(commentPages(subject))
  const comments = query.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <Section title="Comments">
      {query.isError && <p role="alert">{messageOf(query.error)}</p>}
      {comments.length > 0 && (
        <ol className={styles['list']} aria-label="Comments">
          {comments.map((comment) => (
            <li key={comment.id} className={styles['comment']}>
              <Said comment={comment} />
            </li>
          ))}
        </ol>
      )}
      {query.hasNextPage && <Button onPress={() => void query.fetchNextPage()}>Show more</Button>}
      <Editor
        label="Your comment"
        verb="Comment"
        keep={`comment ${location.pathname}`}
        rooms={['comments']}
        onSave={(text) => addComment(subject, text)}
      />
    </Section>
  )
}

function Said({ comment }: { comment: Comment }) {
  const [edited, setEdited] = useState(false)
  const remove = useMutation({
    mutationFn: () => deleteComment(comment.id),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['comments'] }),
  })
  return (
    <>
      <div className={styles['head']}>
        <strong>{comment.author}</strong>
        <Time ms={comment.createdMs} />
        {comment.editedMs !== undefined && <Quiet>edited</Quiet>}
        <span className={styles['actions']}>
          {comment.mayEdit && !edited && (
            <Button
              look="quiet"
              label={`Edit the comment of ${comment.author}`}
              onPress={() => setEdited(true)}
            >
              Edit
            </Button>
          )}
          {comment.mayDelete && (
            <Button
              look="quiet"
              label={`Delete the comment of ${comment.author}`}
              disabled={remove.isPending}
              onPress={() => remove.mutate()}
            >
              Delete
            </Button>
          )}
        </span>
      </div>
      {remove.isError && <p role="alert">{messageOf(remove.error)}</p>}
      {comment.deletedMs !== undefined ? (
        <Quiet>This comment was deleted.</Quiet>
      ) : edited ? (
        <Editor
          label="Your comment"
          verb="Save"
          text={comment.body}
          rooms={['comments']}
          onSave={(text) => editComment(comment.id, text)}
          onClose={() => setEdited(false)}
        />
      ) : (
        <Rendered html={comment.html} />
      )}
    </>
  )
}
