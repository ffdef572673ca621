import type { ReportSubject } from '../../reports/reports.ts'
import type { ValidationReport } from '../../reports/schema.ts'
import type { Delivery } from '../../expectations/expectations.ts'
import { codeVersion } from '../../governance/code-version.ts'
import { assertionsOf } from './assertions.ts'

const SPECIFICATION = 'https://openlineage.io/spec'
const RUN_EVENT = `${SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/RunEvent`
const PRODUCER = `urn:tidemill:${codeVersion}`

/**
 * A validation report as a `RunEvent` of OpenLineage 2-0-2: a run of the job `<dataset>.validate` that is complete when the data
 * were taken and failed when they were refused, with the dataset as its input. The run's id is the report's.
 */
export function validationEvent(
  report: ValidationReport,
  { project, dataset, version, delivery }: ReportSubject & { project: string },
) {
  const namespace = `tidemill://${encodeURIComponent(project)}`
  return {
    eventType: report.verdict === 'failed' ? 'FAIL' : 'COMPLETE',
    eventTime: new Date(report.createdMs).toISOString(),
    producer: PRODUCER,
    schemaURL: RUN_EVENT,
    run: {
      runId: report.id,
      facets:
        report.verdict === 'failed'
          ? {
              errorMessage: {
                ...facet('1-0-1', 'ErrorMessageRunFacet'),
                message: report.sentence,
                programmingLanguage: 'TypeScript',
              },
            }
          : {},
    },
    job: { namespace, name: `${dataset}.validate`, facets: {} },
    inputs: [
      {
        namespace,
        name: dataset,
        facets: version
          ? {
              version: {
                ...facet('1-0-1', 'DatasetVersionDatasetFacet'),
                datasetVersion: String(version.number),
              },
              schema: {
                ...facet('1-2-0', 'SchemaDatasetFacet'),
                fields: version.schema.map(({ name, type }) => ({ name, type })),
              },
            }
          : {},
        inputFacets: {
          dataQualityAssertions: {
            ...facet('1-1-0', 'DataQualityAssertionsDatasetFacet'),
            assertions: assertionsOf(report.results),
          },
          dataQualityMetrics: {
            ...facet('1-0-3', 'DataQualityMetricsInputDatasetFacet'),
            rowCount: report.rows,
            fileCount: report.files.length,
            columnMetrics: delivery ? columnMetrics(delivery) : {},
          },
        },
      },
    ],
    outputs: [],
  }
}

/** Of the rows that arrived. Distinct values from 256 on are estimates. */
function columnMetrics({ columns }: Delivery) {
  return Object.fromEntries(
    columns.map(({ name, rows, nulls, distinct, mean }) => [
      name,
      {
        nullCount: nulls,
        distinctCount: distinct,
        count: rows - nulls,
        ...(mean !== null && { sum: mean * (rows - nulls) }),
      },
    ]),
  )
}

function facet(version: string, name: string): { _producer: string; _schemaURL: string } {
  return {
    _producer: PRODUCER,
    _schemaURL: `${SPECIFICATION}/facets/${version}/${name}.json#/$defs/${name}`,
  }
}
