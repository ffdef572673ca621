import type { ReactNode } from 'react'
import styles from './Button.module.css'

interface ButtonProps {
  onPress: () => void
  children: ReactNode
  look?: 'quiet' | 'primary' | 'danger' | 'solidDanger'
  size?: 'large'
  disabled?: boolean
  /** For what is on or off. */
  pressed?: boolean
  label?: string
}

export function Button({ onPress, children, look, size, disabled = false, pressed, label }: ButtonProps) {
  const classes = [styles['button'], look && styles[look], size && styles[size]].filter(Boolean).join(' ')
  return (
    <button
      type="button"
      className={classes}
      onClick={onPress}
      disabled={disabled}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      {...(label ? { 'aria-label': label } : {})}
    >
      {children}
    </button>
  )
}
