import { pages } from './keys.ts'
import { Overlay } from './Overlay.tsx'
import styles from './Overlay.module.css'

const others = [
  ['/', 'Filter this page, or search'],
  ['⌘ K', 'Search everything'],
  ['j k', 'Next and previous row'],
  ['↵', 'Open the row'],
  ['x', 'Select the row'],
  ['X', 'Select up to this row'],
  ['→ ←', 'Open and close what is nested'],
  ['c', 'Compare what is selected'],
  ['?', 'This page'],
] as const

export function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Overlay label="Keyboard" onClose={onClose}>
      <div className={styles['help']}>
        <h2>Keyboard</h2>
        <div className={styles['keys']}>
          {others.map(([key, text]) => (
            <Key key={key} keys={key} text={text} />
          ))}
          {pages.map((page) => (
            <Key key={page.key} keys={`g ${page.key}`} text={page.name} />
          ))}
        </div>
      </div>
    </Overlay>
  )
}

function Key({ keys, text }: { keys: string; text: string }) {
  return (
    <>
      <span>
        {keys.split(' ').map((key) => (
          <kbd key={key} style={{ marginRight: 4 }}>
            {key}
          </kbd>
        ))}
      </span>
      <span>{text}</span>
    </>
  )
}
