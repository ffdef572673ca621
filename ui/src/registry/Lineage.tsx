import { Link } from 'wouter'
import type { ModelVersion } from '../answers.ts'
import { wordOf } from '../kit/tone.ts'
import styles from './Lineage.module.css'

type Step = ModelVersion['lineage'][number]

/** One line from the data to the deployment: each station is a link to what it was then. */
export function Lineage({ steps }: { steps: Step[] }) {
  return (
    <ol className={styles['line']} aria-label="Lineage">
      {steps.map((step) => (
        <li key={`${step.kind} ${step.label}`} className={styles['step']}>
          {step.href === undefined ? (
            <span className={styles['box']}>
              <Inside step={step} />
            </span>
          ) : (
            <Link href={step.href} className={styles['box'] ?? ''} data-row>
              <Inside step={step} />
            </Link>
          )}
        </li>
      ))}
    </ol>
  )
}

function Inside({ step }: { step: Step }) {
  return (
    <>
      <span className={styles['kind']}>{wordOf(step.kind.replace('-', ' '))}</span>
      <span className={styles['label']}>{step.label}</span>{' '}
      <span className={styles['detail']}>{step.detail}</span>
    </>
  )
}
