import { lazy } from 'react'
import { Route, Switch } from 'wouter'
import { BenchmarkPage } from './benchmarks/BenchmarkPage.tsx'
import { BenchmarksPage } from './benchmarks/BenchmarksPage.tsx'
import { AuditPage } from './audit/AuditPage.tsx'
import { DatasetPage } from './data/DatasetPage.tsx'
import { DatasetsPage } from './data/DatasetsPage.tsx'
import { ReportPage } from './data/ReportPage.tsx'
import { FeaturesPage } from './features/FeaturesPage.tsx'
import { FeaturePage } from './features/FeaturePage.tsx'
import { DecisionsPage } from './decisions/DecisionsPage.tsx'
import { DeploymentsPage } from './deployments/DeploymentsPage.tsx'
import { Page } from './kit/Page.tsx'
import { MonitoringPage } from './monitoring/MonitoringPage.tsx'
import { MonitoringIndexPage } from './monitoring/MonitoringIndexPage.tsx'
import { OverviewPage } from './overview/OverviewPage.tsx'
import { AccountPage } from './people/AccountPage.tsx'
import { PeoplePage } from './people/PeoplePage.tsx'
import { PipelinesPage } from './pipelines/PipelinesPage.tsx'
import { ModelPage } from './registry/ModelPage.tsx'
import { ModelsPage } from './registry/ModelsPage.tsx'
import { ModelVersionPage } from './registry/ModelVersionPage.tsx'
import { PromotionsPage } from './promotions/PromotionsPage.tsx'
import { WebhooksPage } from './webhooks/WebhooksPage.tsx'
import { ExperimentsPage } from './runs/ExperimentsPage.tsx'
import { RunsPage } from './runs/RunsPage.tsx'

// What needs uPlot, dagre or React Aria comes when it is opened.
const ComparePage = lazy(async () => ({ default: (await import('./runs/ComparePage.tsx')).ComparePage }))
const DeploymentPage = lazy(async () => ({
  default: (await import('./deployments/DeploymentPage.tsx')).DeploymentPage,
}))
const LineagePage = lazy(async () => ({ default: (await import('./lineage/LineagePage.tsx')).LineagePage }))
const PipelineRunPage = lazy(async () => ({
  default: (await import('./pipelines/PipelineRunPage.tsx')).PipelineRunPage,
}))
const WebhookPage = lazy(async () => ({ default: (await import('./webhooks/WebhookPage.tsx')).WebhookPage }))
const RunPage = lazy(async () => ({ default: (await import('./runs/RunPage.tsx')).RunPage }))

// The dialogs of React Aria and the picture of intervals come with it.
const PromotionPage = lazy(async () => ({
  default: (await import('./promotions/PromotionPage.tsx')).PromotionPage,
}))

/** Every page and its address. */
export function Pages() {
  return (
    <Switch>
      <Route path="/" component={OverviewPage} />
      <Route path="/experiments" component={ExperimentsPage} />
      <Route path="/runs" component={RunsPage} />
      <Route path="/runs/compare" component={ComparePage} />
      <Route path="/runs/:id">{({ id }) => <RunPage key={id} id={id} />}</Route>
      <Route path="/pipelines" component={PipelinesPage} />
      <Route path="/pipeline-runs/:id">{({ id }) => <PipelineRunPage key={id} id={id} />}</Route>
      <Route path="/models" component={ModelsPage} />
      <Route path="/models/:name">{({ name }) => <ModelPage key={name} name={name} />}</Route>
      <Route path="/models/:name/versions/:version">
        {({ name, version }) => (
          <ModelVersionPage key={`${name}/${version}`} name={name} version={Number(version)} />
        )}
      </Route>
      <Route path="/benchmarks" component={BenchmarksPage} />
      <Route path="/benchmarks/:name">{({ name }) => <BenchmarkPage key={name} name={name} />}</Route>
      <Route path="/promotions" component={PromotionsPage} />
      <Route path="/promotions/:id">{({ id }) => <PromotionPage key={id} id={id} />}</Route>
      <Route path="/deployments" component={DeploymentsPage} />
      <Route path="/deployments/:name">{({ name }) => <DeploymentPage key={name} name={name} />}</Route>
      <Route path="/monitoring" component={MonitoringIndexPage} />
      <Route path="/monitoring/:name">{({ name }) => <MonitoringPage key={name} name={name} />}</Route>
      <Route path="/datasets" component={DatasetsPage} />
      <Route path="/features" component={FeaturesPage} />
      <Route path="/features/:folder/:name">
        {({ folder, name }) => <FeaturePage key={`${folder}/${name}`} folder={folder} name={name} />}
      </Route>
      <Route path="/reports/:id">{({ id }) => <ReportPage key={id} id={id} />}</Route>
      <Route path="/datasets/:name">{({ name }) => <DatasetPage key={name} name={name} />}</Route>
      <Route path="/decisions" component={DecisionsPage} />
      <Route path="/lineage" component={LineagePage} />
      <Route path="/webhooks" component={WebhooksPage} />
      <Route path="/webhooks/:id">{({ id }) => <WebhookPage key={id} id={id} />}</Route>
      <Route path="/people" component={PeoplePage} />
      <Route path="/account" component={AccountPage} />
      <Route path="/audit" component={AuditPage} />
      <Route>
        <Page title="Not found" lede="There is no page at this address. Press / to search." children={null} />
      </Route>
    </Switch>
  )
}
