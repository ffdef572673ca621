"""Joins a spine with feature views by Feast's local offline store, as bench/point-in-time.ts asks; the result goes to peer.parquet."""

import datetime
import json
import os
import resource
import sys
import time

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.repo_config import RepoConfig
from feast.types import Float64

folder, views, features, ttl_days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
store = FeatureStore(
    config=RepoConfig(
        project="bench",
        provider="local",
        registry=os.path.join(folder, "registry.db"),
        online_store={"type": "sqlite", "path": os.path.join(folder, "online.db")},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
)
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
declared = [
    FeatureView(
        name=f"driver_stats_{view}",
        entities=[driver],
        ttl=datetime.timedelta(days=ttl_days),
        schema=[Field(name=f"v{view}_f{feature}", dtype=Float64) for feature in range(features)],
        source=FileSource(path=os.path.join(folder, f"view{view}.parquet"), timestamp_field="event_timestamp"),
    )
    for view in range(views)
]
store.apply([driver, *declared])
spine = pd.read_parquet(os.path.join(folder, "spine.parquet"))
names = [f"driver_stats_{view}:v{view}_f{feature}" for view in range(views) for feature in range(features)]

started = time.perf_counter()
joined = store.get_historical_features(entity_df=spine, features=names).to_df()
seconds = time.perf_counter() - started
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

joined.to_parquet(os.path.join(folder, "peer.parquet"))
print(json.dumps({"seconds": seconds, "peakMb": peak_mb}))
