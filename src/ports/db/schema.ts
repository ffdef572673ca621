import type { BenchmarksTables } from '../../benchmarks/tables.ts'
import type { CardsTables } from '../../cards/tables.ts'
import type { ComparingTables } from '../../comparing/tables.ts'
import type { DataTables } from '../../data/tables.ts'
import type { ErasureTables } from '../../erasure/tables.ts'
import type { FeaturesTables } from '../../features/tables.ts'
import type { GovernanceTables } from '../../governance/tables.ts'
import type { ImportingTables } from '../../importing/tables.ts'
import type { IngestTables } from '../../ingest/tables.ts'
import type { PushesTables } from '../../pushes/tables.ts'
import type { RedactionTables } from '../../redaction/tables.ts'
import type { ReportsTables } from '../../reports/tables.ts'
import type { JobsTables } from '../../jobs/tables.ts'
import type { MaterializationTables } from '../../materialization/tables.ts'
import type { MonitoringTables } from '../../monitoring/tables.ts'
import type { PipelinesTables } from '../../pipelines/tables.ts'
import type { PredictionLogTables } from '../../prediction-log/tables.ts'
import type { PrivacyTables } from '../../privacy/tables.ts'
import type { ProjectTables } from '../../project/tables.ts'
import type { PromotionsTables } from '../../promotions/tables.ts'
import type { RegistryTables } from '../../registry/tables.ts'
import type { RolloutTables } from '../../rollout/tables.ts'
import type { SkewTables } from '../../skew/tables.ts'
import type { ServingTables } from '../../serving/tables.ts'
import type { TrackingTables } from '../../tracking/tables.ts'
import type { WebhooksTables } from '../../webhooks/tables.ts'
import type { BlobTables } from '../artifacts/tables.ts'
import type { DomainClockTables } from './domain-clock.ts'

/** All tables. The one place where rooms meet below: types only. */
export interface Tables
  extends
    BlobTables,
    DomainClockTables,
    JobsTables,
    GovernanceTables,
    DataTables,
    ReportsTables,
    PushesTables,
    IngestTables,
    RedactionTables,
    PrivacyTables,
    ErasureTables,
    FeaturesTables,
    MaterializationTables,
    ImportingTables,
    TrackingTables,
    ComparingTables,
    RegistryTables,
    PromotionsTables,
    CardsTables,
    BenchmarksTables,
    PipelinesTables,
    PredictionLogTables,
    ServingTables,
    RolloutTables,
    MonitoringTables,
    SkewTables,
    ProjectTables,
    WebhooksTables {}
