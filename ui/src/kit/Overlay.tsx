import { type ReactNode, useEffect, useRef } from 'react'
import styles from './Overlay.module.css'

/** The browser's own dialog: focus stays inside, Escape and a click outside close it. */
export function Overlay({
  label,
  onClose,
  wide = false,
  children,
}: {
  label: string
  onClose: () => void
  wide?: boolean
  children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const element = dialog.current
    if (element && !element.open) element.showModal()
  }, [])
  return (
    <dialog
      ref={dialog}
      className={`${styles['overlay']} ${wide ? styles['wide'] : ''}`}
      aria-label={label}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      {children}
    </dialog>
  )
}
