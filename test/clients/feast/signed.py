"""Reads with the API token of the settings, and is refused where its role is too low."""

import pandas as pd
from feast import FeatureStore
from feast.errors import FeastPermissionError

store = FeatureStore(".")
answer = store.get_online_features(features=["prices:price"], entity_rows=[{"symbol": "MSFT"}]).to_dict()
row = {"symbol": ["MSFT"], "event_time": [pd.Timestamp("2001-01-15T08:00:00Z")], "price": [1.0], "above_100": [None], "trend": ["up"], "flights_3h": [0.5]}
try:
    store.push("stocks", pd.DataFrame(row))
except FeastPermissionError as error:
    print(answer["price"][0], "refused" if "contributor" in str(error) else error)
