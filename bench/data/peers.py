"""A process of its own for bench/data.ts: the same twenty checks by Great Expectations on pandas, or Evidently's summary of a table.

    peers.py great_expectations|evidently '<work as JSON>'
"""

import json
import logging
import os
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["TQDM_DISABLE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"

COLUMNS = ["date", "delay", "distance", "origin", "destination"]


def read(work):
    import pandas

    return pandas.read_parquet(work["path"])


def great_expectations(work):
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas  # loaded before the clock starts

    def run():
        frame = read(work)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("bench").add_dataframe_asset("flights")
        batch = asset.add_batch_definition_whole_dataframe("whole")
        suite = context.suites.add(gx.ExpectationSuite(name="flights"))
        day = pandas.Timestamp
        if work["parts"] == "with uniqueness":
            last = gxe.ExpectCompoundColumnsToBeUnique(column_list=COLUMNS, mostly=0.5)
        else:
            last = gxe.ExpectColumnUniqueValueCountToBeBetween(column="destination", min_value=100, max_value=400)
        for expectation in [
            *[gxe.ExpectColumnValuesToNotBeNull(column=name) for name in COLUMNS],
            gxe.ExpectColumnValuesToBeBetween(column="date", min_value=day("2001-01-01"), max_value=day("2001-12-31")),
            gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-1500, max_value=3000),
            gxe.ExpectColumnValuesToBeBetween(column="distance", min_value=0, max_value=6000),
            gxe.ExpectColumnValuesToMatchRegex(column="origin", regex="^[A-Z]{3}$"),
            gxe.ExpectColumnValuesToMatchRegex(column="destination", regex="^[A-Z]{3}$"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="origin", min_value=3, max_value=3),
            gxe.ExpectColumnValueLengthsToBeBetween(column="destination", min_value=3, max_value=3),
            gxe.ExpectColumnValuesToBeInSet(column="origin", value_set=work["airports"]),
            gxe.ExpectColumnValuesToBeInSet(column="destination", value_set=work["airports"]),
            gxe.ExpectTableRowCountToBeBetween(min_value=work["rows"], max_value=work["rows"]),
            gxe.ExpectTableColumnsToMatchSet(column_set=COLUMNS, exact_match=True),
            gxe.ExpectColumnMeanToBeBetween(column="delay", min_value=0, max_value=20),
            gxe.ExpectColumnMedianToBeBetween(column="delay", min_value=-10, max_value=10),
            gxe.ExpectColumnUniqueValueCountToBeBetween(column="origin", min_value=100, max_value=400),
            last,
        ]:
            suite.add_expectation(expectation)
        definition = gx.ValidationDefinition(name="flights", data=batch, suite=suite)
        result = context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": frame}, result_format="BASIC"
        )
        failed = [each.expectation_config.type for each in result.results if not each.success]
        return {"checks": len(result.results), "failed": failed}

    return run, gx.__version__


def evidently(work):
    import evidently
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataSummaryPreset

    def run():
        frame = read(work)
        definition = DataDefinition(
            numerical_columns=["delay", "distance"],
            categorical_columns=["origin", "destination"],
            datetime_columns=["date"],
        )
        dataset = Dataset.from_pandas(frame, data_definition=definition)
        Report([DataSummaryPreset()]).run(dataset, None).dict()
        return {}

    return run, evidently.__version__


def main():
    name, work = sys.argv[1], json.loads(sys.argv[2])
    run, version = {"great_expectations": great_expectations, "evidently": evidently}[name](work)
    started, cpu = time.perf_counter(), time.process_time()
    found = run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("\n" + json.dumps({"seconds": seconds, "cpuSeconds": cpu, "peakMb": peak, "version": version, **found}))


main()
