import { useParam } from './address.ts'
import styles from './Tabs.module.css'

/** A choice among a few, kept in the address under `name`; the first is the default. */
export function Tabs({
  name,
  label,
  options,
}: {
  name: string
  label: string
  options: { value: string; label: string }[]
}) {
  const [chosen, choose] = useParam(name, options[0]?.value ?? '', { replace: false })
  return (
    <div role="group" aria-label={label} className={styles['tabs']}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === chosen}
          onClick={() => choose(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  )
}
