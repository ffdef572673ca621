import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { Comments } from '../comments/Comments.tsx'
import { Markdown, Rendered } from '../comments/Markdown.tsx'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { PromotionDetail, Review } from './answers.ts'
import { promotion } from './api.ts'
import { Actions } from './Actions.tsx'
import { EvidenceSections } from './EvidenceSections.tsx'
import styles from './PromotionPage.module.css'
import { WriteReview } from './WriteReview.tsx'

/** Should this version take the place of the other, and what is still missing? */
export function PromotionPage({ id }: { id: string }) {
  const query = useQuery(promotion(id))
  return (
    <LoadedPage query={query} title="Promotion" of={{ label: 'Promotions', href: '/promotions' }}>
      {(data) => <PromotionView promotion={data} />}
    </LoadedPage>
  )
}

function PromotionView({ promotion }: { promotion: PromotionDetail }) {
  const { model, version, alias, state, author, createdMs, evidence } = promotion
  return (
    <Page
      title={`${model}/${version} to ${alias}`}
      aside={<State word={state} />}
      crumbs={[
        { label: 'Models', href: '/models' },
        { label: model, href: `/models/${model}` },
        { label: 'Promotions', href: `/promotions?model=${encodeURIComponent(model)}` },
      ]}
      lede={promotion.sentence ?? waiting(promotion)}
      actions={<Actions promotion={promotion} />}
    >
      <Columns wide="left">
        <Section
          title="Why"
          note={
            <>
              {author}, <Time ms={createdMs} />
            </>
          }
        >
          <Markdown text={promotion.reason} />
        </Section>
        <Section title="What it takes">
          <Checks promotion={promotion} />
        </Section>
      </Columns>
      <EvidenceSections evidence={evidence} model={model} />
      <Section title="Reviews">
        <Reviews reviews={promotion.reviews} />
        {promotion.may.review && <WriteReview id={promotion.id} digest={promotion.digest} />}
      </Section>
      <Comments subjectType="promotion" subjectId={promotion.id} />
    </Page>
  )
}

function waiting({ holderVersion, model, alias, version, author, state }: PromotionDetail): string {
  const place =
    holderVersion === null ? 'which points nowhere yet' : `in the place of ${model}/${holderVersion}`
  const next = {
    approved: 'All it takes is there: it may be merged.',
    stale: 'What was reviewed is not what is there now: refresh it to look again.',
  }[state as string]
  return `${author} proposes ${model}/${version} as ${alias}, ${place}. ${next ?? ''}`.trim()
}

function Checks({
  promotion: { policy, checks, holderVersion, model, version, evidence },
}: {
  promotion: PromotionDetail
}) {
  if (policy === null && checks.every(({ met }) => met))
    return <Quiet>The alias is not protected: a maintainer may merge this as it is.</Quiet>
  return (
    <>
      <ul className={styles['checks']} aria-label="What it takes">
        {checks.map((check) => (
          <li key={check.name}>
            <State word={check.met ? 'done' : 'missing'} mood={check.met ? 'good' : 'attention'} />{' '}
            {check.sentence}
          </li>
        ))}
      </ul>
      <Facts
        items={[
          [
            'Version',
            <Link key="v" href={`/models/${model}/versions/${version}`}>{`${model}/${version}`}</Link>,
          ],
          ...(holderVersion === null || evidence.holder === null
            ? []
            : [
                [
                  'Now there',
                  <Link
                    key="h"
                    href={`/models/${model}/versions/${holderVersion}`}
                  >{`${model}/${holderVersion}`}</Link>,
                ] as [string, React.ReactNode],
              ]),
        ]}
      />
    </>
  )
}

function Reviews({ reviews }: { reviews: Review[] }) {
  if (reviews.length === 0) return <Quiet>Nobody has reviewed it yet.</Quiet>
  return (
    <ol aria-label="Reviews">
      {reviews.map((review) => (
        <li key={review.id} className={styles['review']}>
          <div className={styles['head']}>
            <State word={review.verdict} mood={review.verdict === 'approved' ? 'good' : 'attention'} />
            <strong>{review.reviewer}</strong>
            <Quiet>{review.isOwner ? `${review.role}, owner` : review.role}</Quiet>
            <Time ms={review.createdMs} />
            {review.verdict === 'approved' && !review.counts && (
              <Quiet>does not count: what is there now is another, or the policy asks for someone else</Quiet>
            )}
          </div>
          {review.html !== '' && <Rendered html={review.html} />}
        </li>
      ))}
    </ol>
  )
}
