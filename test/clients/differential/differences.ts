/** Where Tidemill answers otherwise than MLflow: the reason, as the reference gives it, and the cases by name. */
export const differences: readonly { reason: string; cases: readonly string[] }[] = [
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
  },
  {
    reason: 'Names of white space alone, and artifact locations with `..` or a query, are refused.',
    cases: [
      'POST /experiments/create {"name":" "}',
      'POST /experiments/create {"name":"dots","artifact_location":"s3://bucket/../a"}',
      'POST /experiments/create {"name":"query","artifact_location":"s3://bucket/a?b=c"}',
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
  },
  {
    reason:
      'A single value is taken for a list, and numbers and booleans also as the other of text and number: the R client sends every scalar as text. `model_id` may stand in the path alone.',
    cases: [
      'POST /runs/search {"experiment_ids":"${main}"}',
      'PATCH /model-versions/update {"name":"late","version":1,"description":"text"}',
      'POST /model-versions/transition-stage {"name":"late","version":"2","stage":"None","archive_existing_versions":"false"}',
      'POST /logged-models/${two}/params {"params":[{"key":"p","value":"1"}]}',
    ],
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
  {
    reason: 'The latest versions of a registered model come with their aliases.',
    cases: ['a registered model whose version has an alias'],
  },
]
