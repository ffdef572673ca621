import { useParam } from '../kit/address.ts'
import styles from './Panels.module.css'

export function useSmoothing(): [number, (weight: number) => void] {
  const [text, setText] = useParam('smooth', '0.9')
  const weight = Number(text)
  return [
    Number.isFinite(weight) ? Math.max(0, Math.min(0.999, weight)) : 0,
    (value) => setText(String(value)),
  ]
}

export function Smoothing() {
  const [weight, setWeight] = useSmoothing()
  return (
    <label className={styles['smoothing']}>
      Smoothing
      <input
        type="range"
        min={0}
        max={0.99}
        step={0.01}
        value={weight}
        onChange={(event) => setWeight(Number(event.target.value))}
      />
      {weight.toFixed(2)}
    </label>
  )
}
