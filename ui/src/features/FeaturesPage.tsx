import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useParam } from '../kit/address.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { SearchField } from '../kit/SearchField.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import type { CatalogueEntry } from './answers.ts'
import { catalogue, entryHref, kindWords } from './api.ts'
import styles from './Features.module.css'
import { FreshnessState } from './FreshnessState.tsx'
import { SkewState } from './SkewState.tsx'

const kinds = [
  { value: '', label: 'All' },
  { value: 'view', label: 'Views' },
  { value: 'on_demand', label: 'On-demand' },
  { value: 'service', label: 'Services' },
  { value: 'entity', label: 'Entities' },
]

/** Which features are there, are they fresh, does anybody use them, and are they served as they were trained? */
export function FeaturesPage() {
  const [text, setText] = useParam('q', '')
  const [kind] = useParam('kind', '')
  const [used] = useParam('used', '')
  const [owner, setOwner] = useParam('owner', '')
  const [tag, setTag] = useParam('tag', '')
  const query = useQuery(
    catalogue({ q: text, kind, owner, tag, ...(used === 'nobody' && { unused: 'true' }) }),
  )
  const isFiltered = [text, kind, used, owner, tag].some((each) => each !== '')
  return (
    <Page
      title="Features"
      lede="Computed once, for training and for serving: what they mean, who uses them, and whether both are the same."
    >
      <div className={styles['filters']}>
        <SearchField
          label="Search names, features, tags, owners, descriptions, columns and code"
          value={text}
          onChange={setText}
        />
        <Tabs name="kind" label="Kind" options={kinds} />
        <Tabs
          name="used"
          label="Usage"
          options={[
            { value: '', label: 'All' },
            { value: 'nobody', label: 'Unused' },
          ]}
        />
        {owner !== '' && <Chosen what={`owner ${owner}`} onClear={() => setOwner('')} />}
        {tag !== '' && <Chosen what={`tag ${tag}`} onClear={() => setTag('')} />}
      </div>
      <Loaded query={query}>
        {({ items }) =>
          items.length > 0 ? (
            <Entries items={items} unused={used === 'nobody'} onOwner={setOwner} onTag={setTag} />
          ) : isFiltered ? (
            <Quiet>Nothing that the project declares is like that.</Quiet>
          ) : (
            <None />
          )
        }
      </Loaded>
    </Page>
  )
}

function Chosen({ what, onClear }: { what: string; onClear: () => void }) {
  return (
    <button
      type="button"
      className={styles['chosen']}
      onClick={onClear}
      aria-label={`Do not filter by ${what}`}
    >
      {what} ×
    </button>
  )
}

function None() {
  return (
    <EmptyState
      what="The project declares no features: every model takes what requests carry. A view computes features from a dataset, for training and serving alike:"
      code={
        "const airport = entity('airport', { key: 'origin' })\n\nconst delays = featureView('airport_delays', {\n  entity: airport,\n  dataset: flights,\n  windows: ['1h', '3h'],\n  aggregate: { delay: { mean: 'delay' }, flights: { count: '*' } },\n  owner: 'team:delays',\n})\n\nexport default project('flights', { entities: [airport], views: [delays], services: [featureService('late', [delays])] })"
      }
    />
  )
}

function Entries({
  items,
  unused,
  onOwner,
  onTag,
}: {
  items: CatalogueEntry[]
  /** Names the features that nobody uses. */
  unused: boolean
  onOwner: (owner: string) => void
  onTag: (tag: string) => void
}) {
  return (
    <Table
      label="Features"
      rows={items}
      rowKey={(item) => `${item.kind}:${item.name}`}
      columns={[
        {
          name: 'Name',
          wrap: true,
          cell: (item) => (
            <>
              <Link href={entryHref(item)}>{item.name}</Link>{' '}
              {item.description !== null && <Quiet>{item.description}</Quiet>}
            </>
          ),
        },
        { name: 'Kind', cell: (item) => kindWords[item.kind] },
        { name: 'About each', cell: (item) => item.entities.join(', ') || <Quiet>request</Quiet> },
        {
          name: 'Features',
          number: true,
          cell: (item) => (
            <span title={item.features.map(({ name }) => name).join(', ')}>
              {item.features.length || '–'}
            </span>
          ),
        },
        ...(unused ? [{ name: 'Not used', wrap: true, cell: notUsed }] : []),
        { name: 'Fresh', cell: (item) => <FreshnessState freshness={item.freshness} /> },
        { name: 'Used by', cell: (item) => <UsedBy item={item} /> },
        {
          name: 'Skew',
          cell: (item) => (hasSkew(item) ? <SkewState skew={item.skew} /> : <Quiet>–</Quiet>),
        },
        {
          name: 'Owner',
          cell: (item) =>
            item.owner === null ? <Quiet>–</Quiet> : <Pick what={item.owner} onPick={onOwner} />,
        },
        {
          name: 'Tags',
          cell: (item) =>
            item.tags.length === 0 ? (
              <Quiet>–</Quiet>
            ) : (
              item.tags.map((each) => <Pick key={each} what={each} onPick={onTag} />)
            ),
        },
      ]}
    />
  )
}

function notUsed({ unusedFeatures, features }: CatalogueEntry): string {
  return unusedFeatures.length === features.length ? 'none of them is' : unusedFeatures.join(', ')
}

function hasSkew({ kind }: CatalogueEntry): boolean {
  return kind === 'view' || kind === 'on_demand'
}

function Pick({ what, onPick }: { what: string; onPick: (what: string) => void }) {
  return (
    <button type="button" className={styles['pick']} onClick={() => onPick(what)}>
      {what}
    </button>
  )
}

function UsedBy({ item: { usedBy, unusedFeatures, features } }: { item: CatalogueEntry }) {
  if (usedBy.versions === 0) return <Quiet>nobody</Quiet>
  const versions = usedBy.versions === 1 ? '1 version' : `${usedBy.versions} versions`
  const idle = features.length > 0 && unusedFeatures.length > 0 ? `, not ${unusedFeatures.join(', ')}` : ''
  const served =
    usedBy.deployments.length === 0 ? 'not deployed' : `deployed as ${usedBy.deployments.join(', ')}`
  return <span title={`${versions}, ${served}${idle}`}>{usedBy.models.join(', ')}</span>
}
