interface Difference {
  reason: string
  cases: readonly string[]
  /** Names of spoilt requests: each may differ. */
  spoilt?: readonly RegExp[]
}

/** Where Tidemill answers otherwise than MLflow: the reason, as the reference gives it, and the cases by name. */
export const differences: readonly Difference[] = [
  {
    reason:
      'Errors that MLflow answers with 500, or 405, are 400 or 404 here: clients retry a 5xx for minutes.',
    cases: [
      'POST /runs/search {"experiment_ids":["${main}"],"order_by":["metrics.auc","metrics.auc DESC"]}',
      `POST /logged-models/search {"filter":"metrics.lm > 'x'","max_results":100,"experiment_ids":["\${main}"],"order_by":[{"field_name":"name"}]}`,
      `POST /logged-models/search {"filter":"nope = 'x'","max_results":100,"experiment_ids":["\${main}"],"order_by":[{"field_name":"name"}]}`,
      'POST /runs/search {"experiment_ids":["${main}"],"max_results":null,"order_by":["run_name"]}',
      'POST /experiments/update {"experiment_id":"${gone}","new_name":"x"}',
      'POST /runs/log-batch {"run_id":"${batches}","metrics":["x"]}',
      'POST /model-versions/transition-stage {"name":"late","version":"2","stage":"Archived","archive_existing_versions":true}',
      'a list',
      'wrong method',
      'unknown endpoint',
    ],
    spoilt: [
      / (experiment_id|version|end_step) huge$/,
      / page_token unicode$/,
      / (max_results|metrics|params|tags) null$/,
      / (end_time|start_time|value|timestamp|step) (list|object with)/,
      / metrics list of /,
    ],
  },
  {
    reason:
      'What MLflow tells as `BAD_REQUEST` with a text of its database has the code that says what is wrong.',
    cases: [],
    spoilt: [/\/runs\/log-metric model_id /, / \/experiments\/update new_name /],
  },
  {
    reason: 'A run without `experiment_id` belongs to the Default experiment.',
    cases: [],
    spoilt: [/\/runs\/create experiment_id (absent|null|empty)$/],
  },
  {
    reason:
      'What is no value of an enumeration, no number, no list or lacks its key is refused, where MLflow ignores it or stores something else.',
    cases: [
      'POST /runs/search {"experiment_ids":["${main}"],"max_results":1.5,"order_by":["run_name"]}',
      'POST /runs/search {"experiment_ids":["${main}"],"run_view_type":"all","order_by":["run_name"]}',
      'POST /runs/search {"experiment_ids":["${main}"],"run_view_type":"NOPE","order_by":["run_name"]}',
      'POST /experiments/search {"max_results":10,"view_type":"NOPE","order_by":["name"]}',
      'POST /runs/search {"experiment_ids":[1]}',
      'POST /runs/create {"experiment_id":"${main}","run_name":"x","tags":[{"value":"v"}]}',
      'POST /runs/create {"experiment_id":"${main}","run_name":"x","tags":"nope"}',
      'POST /runs/update {"run_id":"${byTag}","status":"NOPE"}',
      'PATCH /logged-models/${two} {"model_id":"${two}","status":"NOPE"}',
      'POST /runs/log-metric {"run_id":"${delta}","key":"m","value":true,"timestamp":1,"step":0}',
      'POST /runs/log-metric {"run_id":"${delta}","key":"m","value":1,"timestamp":1,"step":1.5}',
      'POST /runs/log-batch {"run_id":"${batches}","metrics":[{"key":"m","value":"x","timestamp":1,"step":0}]}',
      'POST /runs/log-inputs {"run_id":"${scrap}","datasets":[{"dataset":{"digest":"d","source_type":"t","source":"s"}}]}',
      'POST /runs/log-inputs {"run_id":"${scrap}","datasets":[{}]}',
      'POST /runs/outputs {"run_id":"${scrap}","models":[{"step":3}]}',
      'GET /registered-models/search {"max_results":"0"}',
      'GET /registered-models/search {"max_results":"-1"}',
    ],
    spoilt: [
      / (view_type|run_view_type|status|max_results|page_token|allow_deleted) (?!absent|null|as )/,
      / (start_time|end_time|timestamp|step) (fraction|huge|true)$/,
      / (tags|params|datasets|models|experiment_ids) list of /,
      / \/runs\/create (tags|user_id) /,
      /log-metric value true$/,
    ],
  },
  {
    reason:
      'Names of white space alone, names of registered models beyond 256 characters, and artifact locations with `..` or a query, are refused.',
    cases: [
      'POST /experiments/create {"name":" "}',
      'POST /experiments/create {"name":"dots","artifact_location":"s3://bucket/../a"}',
      'POST /experiments/create {"name":"query","artifact_location":"s3://bucket/a?b=c"}',
    ],
    spoilt: [
      /(create|experiment_name|rename)( name)? (space|long|very long)$/,
      / artifact_location slash$/,
      / new_name (long|very long)$/,
      /delete-tag key /,
    ],
  },
  {
    reason:
      "A filter's clauses are joined by one AND each; a quote inside of a quoted text is doubled; a key may hold `-`, `/` and `:` without quotes; a filter of white space is none; an order may name a key with a space.",
    cases: [
      `POST /runs/search {"filter":"tags.note = 'it''s'","max_results":100,"experiment_ids":["\${main}"],"order_by":["attributes.run_name"]}`,
      `POST /runs/search {"filter":"tags.a.b/c = 'x'","max_results":100,"experiment_ids":["\${main}"],"order_by":["attributes.run_name"]}`,
      'POST /runs/search {"filter":"AND metrics.auc > 0.5","max_results":100,"experiment_ids":["${main}"],"order_by":["attributes.run_name"]}',
      'POST /runs/search {"filter":"metrics.auc > 0.5 AND AND metrics.auc > 0.1","max_results":100,"experiment_ids":["${main}"],"order_by":["attributes.run_name"]}',
      'POST /runs/search {"filter":"metrics.auc > 0.5 metrics.auc > 0.1","max_results":100,"experiment_ids":["${main}"],"order_by":["attributes.run_name"]}',
      'POST /runs/search {"filter":"metrics. > 1","max_results":100,"experiment_ids":["${main}"],"order_by":["attributes.run_name"]}',
      'POST /runs/search {"filter":" ","max_results":100,"experiment_ids":["${main}"],"order_by":["attributes.run_name"]}',
      'POST /runs/search {"experiment_ids":["${main}"],"order_by":["attribute.`Run Name` DESC"]}',
    ],
    spoilt: [/ filter space$/],
  },
  {
    reason:
      'A single value is taken for a list, `{}` for nothing, and numbers and booleans also as the other of text and number: so the R client sends them.',
    cases: [
      'POST /runs/search {"experiment_ids":"${main}"}',
      'PATCH /model-versions/update {"name":"late","version":1,"description":"text"}',
      'POST /model-versions/transition-stage {"name":"late","version":"2","stage":"None","archive_existing_versions":"false"}',
    ],
    spoilt: [
      / object$/,
      / experiment_ids digits$/,
      / version (zero|number|negative)$/,
      / archive_existing_versions false$/,
    ],
  },
  {
    reason:
      'Whole numbers may have an exponent, booleans come in any case, and registered models may be searched by POST, as the R client does.',
    cases: [
      'POST /runs/search {"experiment_ids":["${main}"],"max_results":"1e+03"}',
      'POST /registered-models/search {"filter":"name = \'late\'"}',
      'POST /model-versions/transition-stage {"name":"late","version":"2","stage":"None","archive_existing_versions":"FALSE"}',
    ],
  },
  {
    reason: 'Every field may be named in camelCase, as protocol buffers allow it, also one that is required.',
    cases: [],
    spoilt: [/ camelCase$/],
  },
  {
    reason: '`model_id` may stand in the path alone, and one in the body must be the same.',
    cases: [
      'POST /logged-models/${two}/params {"params":[{"key":"p","value":"1"}]}',
      'POST /logged-models/search {"experiment_ids":["${main}"],"order_by":[{"field_name":"name"}]}',
    ],
    spoilt: [/\/logged-models\/\$\{spareModel\}\S* model_id /],
  },
  {
    reason:
      'A run without `start_time` starts now, not at 0, and an update without `description` leaves it as it is.',
    cases: [],
    spoilt: [/ (start_time|description) (absent|null)$/],
  },
  {
    reason:
      'Deleting and restoring an experiment twice is no error, as for runs: a client that repeats a lost answer must not fail.',
    cases: [
      'POST /experiments/delete {"experiment_id":"${gone}"}',
      'POST /experiments/restore {"experiment_id":"${main}"}',
    ],
  },
  {
    reason: 'An experiment renamed to a name that is taken is refused with `RESOURCE_ALREADY_EXISTS`.',
    cases: ['POST /experiments/update {"experiment_id":"${other}","new_name":"main"}'],
  },
  {
    reason: 'The history of an unknown run is 404, not empty.',
    cases: ['GET /metrics/get-history {"run_id":"nope","metric_key":"loss","max_results":"5"}'],
    spoilt: [/ \/metrics\/\S+ run_ids? /],
  },
  {
    reason: 'Tags are cut at 8,000 characters also when they come with a new run.',
    cases: ['a long tag at creation', 'GET /runs/get {"run_id":"${longTag}"}'],
  },
  {
    reason:
      'A model version may have any URI as its source, except local paths: the server does not fetch it.',
    cases: ['POST /model-versions/create {"name":"scrap","source":"http://host/x#y"}'],
  },
]
