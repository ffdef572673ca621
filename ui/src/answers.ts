/** What the server answers (REST under /api/v1), under the names that the pages have for it. Times are ms since epoch. */
import type { AliasPolicy } from '../../src/registry/definition.ts'
import type { Decision } from '../../src/governance/schema.ts'
import type { PipelineRun as PipelineRunItem, PipelineView, StepRun } from '../../src/pipelines/schema.ts'
import type { RolloutDetailJson, RolloutJson as Rollout } from '../../src/rollout/schema.ts'
import type { GateView, Verdict, VersionUse } from '../../src/registry/schema.ts'
import type { Metrics, ModelDetail, VersionDetail } from '../../src/registry/view-schema.ts'
import type { Overview } from '../../src/server/schema.ts'
import type { RunSummary } from '../../src/tracking/schema.ts'

export type { Curve, Experiment, RunSummary, Tag } from '../../src/tracking/schema.ts'
export type { AliasPolicy, Decision, GateView, PipelineRunItem, Rollout, StepRun, Verdict, VersionUse }
export type {
  AlertJson as Alert,
  MonitoringJson as Monitoring,
} from '../../src/monitoring/overview-schema.ts'
export type {
  DeploymentJson as Deployment,
  RolloutDetailJson as RolloutDetail,
  TimelineJson as Timeline,
  TrafficHour,
} from '../../src/rollout/schema.ts'
export type { ImportReport } from '../../src/model-files/schema.ts'
export type { ModelDetail, ModelItem, VersionDetail as ModelVersion } from '../../src/registry/view-schema.ts'
export type { Found, Overview, Station } from '../../src/server/schema.ts'
export type MetricVerdict = RolloutDetailJson['metrics'][number]

export type Metric = RunSummary['metrics'][number]

export type {
  PipelineView as PipelineItem,
  RunView as PipelineRun,
  StepLogPart as StepLog,
  Why as StepWhy,
} from '../../src/pipelines/schema.ts'

export type Trigger = PipelineView['on'][number]
export type StationName = keyof Overview['stations']
export type ModelVersionItem = ModelDetail['versions'][number]
export type EvaluationRow = VersionDetail['evaluations'][number]
export type Bounds = Metrics[string]

export type Tone = 'good' | 'attention' | 'bad' | 'idle'

export interface Page<T> {
  items: T[]
  nextPageToken?: string
}
