"""Feast's own client, with the gateway as its remote online store. Prints what it saw as JSON."""

import json

import pandas as pd
from feast import FeatureStore
from feast.data_source import PushMode
from feast.errors import FeatureNameCollisionError, FeatureServiceNotFoundException, FeatureViewNotFoundException
from feast.feature_service import FeatureService

store = FeatureStore(".")
seen = {}


def read(features, rows, **options):
    return store.get_online_features(features=features, entity_rows=rows, **options).to_dict()


airports = [{"origin": code} for code in ["ATL", "ORD", "NOPE"]]
seen["features"] = read(["airport_delays:mean_delay_3h", "airport_delays:last_departure"], airports)
seen["full"] = read(["prices:price"], [{"symbol": "IBM"}], full_feature_names=True)
seen["service"] = read(store.get_feature_service("both"), [{"origin": "ATL", "symbol": "IBM"}])
seen["routed"] = read(store.get_feature_service("routed"), [{"origin": "ATL", "distance": 1500.0}])

frame = store.get_online_features(features=["prices:price", "prices:above_100"], entity_rows=[{"symbol": "IBM"}, {"symbol": "MSFT"}])
seen["frame"] = json.loads(frame.to_df().to_json(orient="records"))


def refused(error, features, rows):
    try:
        read(features, rows)
    except error as exception:
        return str(exception)
    raise AssertionError(f"{features} were answered")


key = [{"origin": "ATL"}]
seen["refused"] = [
    refused(FeatureViewNotFoundException, ["only_here:x"], key),
    refused(FeatureServiceNotFoundException, FeatureService(name="only_here", features=[]), key),
    refused(
        FeatureNameCollisionError,
        ["airport_delays:flights_3h", "prices:flights_3h"],
        [{"origin": "ATL", "symbol": "IBM"}],
    ),
]


def push(price, time):
    row = {"symbol": ["AAPL"], "event_time": [pd.Timestamp(time)], "price": [price], "above_100": [None], "trend": ["up"], "flights_3h": [0.5]}
    store.push("stocks", pd.DataFrame(row), to=PushMode.ONLINE)
    return read(["prices:price", "prices:trend"], [{"symbol": "AAPL"}])


seen["pushed"] = push(16.5, "2001-01-15T08:00:00Z")
seen["late"] = push(1.5, "2001-01-14T08:00:00Z")
print(json.dumps(seen, default=str))
