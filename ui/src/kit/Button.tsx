import type { ReactNode } from 'react'
import styles from './Button.module.css'

interface ButtonProps {
  onPress: () => void
  children: ReactNode
  look?: 'quiet' | 'primary' | 'danger' | 'solidDanger'
  size?: 'large'
  disabled?: boolean
  label?: string
}

export function Button({ onPress, children, look, size, disabled = false, label }: ButtonProps) {
  const classes = [styles['button'], look && styles[look], size && styles[size]].filter(Boolean).join(' ')
  return (
    <button
      type="button"
      className={classes}
      onClick={onPress}
      disabled={disabled}
      {...(label ? { 'aria-label': label } : {})}
    >
      {children}
    </button>
  )
}
