import type { ReactNode } from 'react'
import { Link } from 'wouter'
import styles from './Button.module.css'

interface ButtonProps {
  /** Not needed where it sends a form. */
  onPress?: () => void
  children: ReactNode
  look?: 'quiet' | 'primary' | 'danger' | 'solidDanger' | undefined
  size?: 'large'
  disabled?: boolean
  /** For what is on or off. */
  pressed?: boolean
  label?: string
  /** For what opens and closes a part of the page. */
  expanded?: boolean
  /** Sends the form that it is in. */
  submit?: boolean
}

export function Button({
  onPress,
  children,
  look,
  size,
  disabled = false,
  pressed,
  expanded,
  submit = false,
  label,
}: ButtonProps) {
  const classes = [styles['button'], look && styles[look], size && styles[size]].filter(Boolean).join(' ')
  return (
    <button
      type={submit ? 'submit' : 'button'}
      className={classes}
      {...(onPress && { onClick: onPress })}
      disabled={disabled}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      {...(expanded === undefined ? {} : { 'aria-expanded': expanded })}
      {...(label ? { 'aria-label': label } : {})}
    >
      {children}
    </button>
  )
}

/** Looks as a button does, but goes somewhere: a page of this app, or what the server sends. */
export function ButtonLink({
  href,
  download = false,
  served = download,
  children,
}: {
  href: string
  download?: boolean
  /** The address is the server's, not a page's. */
  served?: boolean
  children: ReactNode
}) {
  return served ? (
    <a className={styles['button']} href={href} {...(download && { download: true })}>
      {children}
    </a>
  ) : (
    <Link className={styles['button'] ?? ''} href={href}>
      {children}
    </Link>
  )
}
