"""What the project of the test declares, as a Feast repository declares it."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, RequestSource, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String, UnixTimestamp

airport = Entity(name="airport", join_keys=["origin"], value_type=ValueType.STRING)
share = Entity(name="share", join_keys=["symbol"], value_type=ValueType.STRING)

pair = Entity(name="pair", join_keys=["pair_id"], value_type=ValueType.INT64)


def pushed(name, path):
    return PushSource(name=name, batch_source=FileSource(name=f"{name}_file", path=path, timestamp_field="event_time"))


airport_delays = FeatureView(
    name="airport_delays",
    entities=[airport],
    ttl=timedelta(hours=6),
    source=pushed("flights", "airport_delays.parquet"),
    schema=[
        Field(name="origin", dtype=String),
        Field(name="mean_delay_3h", dtype=Float64),
        Field(name="flights_3h", dtype=Float64),
        Field(name="last_departure", dtype=UnixTimestamp),
    ],
)
prices = FeatureView(
    name="prices",
    entities=[share],
    ttl=timedelta(days=20),
    source=pushed("stocks", "prices.parquet"),
    schema=[
        Field(name="symbol", dtype=String),
        Field(name="price", dtype=Float64),
        Field(name="above_100", dtype=Float64),
        Field(name="trend", dtype=String),
        Field(name="flights_3h", dtype=Float64),
    ],
)

pairs = FeatureView(
    name="pairs",
    entities=[pair],
    ttl=timedelta(hours=6),
    source=FileSource(name="pairs_file", path="pairs.parquet", timestamp_field="event_time"),
    schema=[Field(name="pair_id", dtype=Int64), Field(name="miles", dtype=Float64)],
)
quoted = FeatureView(
    name="quoted",
    entities=[share],
    ttl=timedelta(days=20),
    source=pushed("quotes", "quoted.parquet"),
    schema=[Field(name="symbol", dtype=String), Field(name="quote", dtype=Float64)],
)


@on_demand_feature_view(
    sources=[RequestSource(name="trip", schema=[Field(name="distance", dtype=Float64)])],
    schema=[Field(name="far", dtype=Float64), Field(name="half", dtype=Float64)],
    mode="python",
)
def route(inputs: dict) -> dict:
    distances = inputs["distance"]
    return {"far": [float(d > 1000) for d in distances], "half": [d / 2 for d in distances]}


both = FeatureService(name="both", features=[airport_delays[["mean_delay_3h", "last_departure"]], prices[["trend"]]])
routed = FeatureService(name="routed", features=[airport_delays[["mean_delay_3h"]], route[["far"]]])

everything = [airport, share, pair, airport_delays, prices, pairs, quoted, route, both, routed]
