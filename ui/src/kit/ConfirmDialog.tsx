import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { queryClient } from '../api.ts'
import { Button } from './Button.tsx'
import styles from './ConfirmDialog.module.css'
import { messageOf } from './Loaded.tsx'

interface ConfirmProps {
  title: string
  text: string
  verb: string
  /** False for what people undo as easily as they do it. */
  askReason?: boolean
  /** Nothing is lost by it. */
  harmless?: boolean
  /** More to fill in. */
  children?: ReactNode
  onConfirm: (reason: string) => Promise<unknown>
  onClose: () => void
}

/** Asks before what people feel: says what will happen, takes a reason for the record. */
export function ConfirmDialog(props: ConfirmProps) {
  const { title, text, verb, askReason = true, harmless = false, children, onConfirm, onClose } = props
  const [reason, setReason] = useState('')
  const mutation = useMutation({
    mutationFn: () => onConfirm(reason),
    onSuccess: async () => {
      await queryClient.invalidateQueries()
      onClose()
    },
  })
  return (
    <ModalOverlay
      isOpen
      isDismissable
      className={styles['veil'] ?? ''}
      onOpenChange={(open) => !open && onClose()}
    >
      <Modal className={styles['box'] ?? ''}>
        <Dialog role="alertdialog">
          <Heading slot="title" className={styles['title'] ?? ''}>
            {title}
          </Heading>
          <p className={styles['text']}>{text}</p>
          <form
            onSubmit={(event) => {
              event.preventDefault()
              mutation.mutate()
            }}
          >
            {children}
            {askReason && (
              <label className={styles['label']}>
                Reason, for the record
                <input
                  className={styles['reason']}
                  value={reason}
                  onChange={(event) => setReason(event.target.value)}
                  maxLength={500}
                />
              </label>
            )}
            {mutation.isError && (
              <p role="alert" className={styles['error']}>
                {messageOf(mutation.error)}
              </p>
            )}
            <div className={styles['buttons']}>
              <Button onPress={onClose}>Cancel</Button>
              <Button
                look={harmless ? 'primary' : 'solidDanger'}
                disabled={mutation.isPending}
                onPress={() => mutation.mutate()}
              >
                {mutation.isPending ? `${verb}…` : verb}
              </Button>
            </div>
          </form>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
