"""A Feast repository with the same entities, views and values as the bench gives Tidemill.

    feast_repo.py FOLDER ONLINE_STORE_JSON ENTITIES VIEWS FEATURES EVENT_TIME

Values are those of `valueOf` in values.ts. Afterwards `feast serve` in FOLDER answers from its online store.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

folder = Path(sys.argv[1])
online_store = json.loads(sys.argv[2])
entities, views, features = (int(text) for text in sys.argv[3:6])
event_time = datetime.fromtimestamp(int(sys.argv[6]) / 1000, timezone.utc)

(folder / "feature_store.yaml").write_text(
    json.dumps(
        {
            "project": "bench",
            "provider": "local",
            "registry": str(folder / "registry.db"),
            "online_store": online_store,
            "entity_key_serialization_version": 3,
        }
    )
)


def frame(view: int) -> pd.DataFrame:
    keys = list(range(entities))
    columns = {
        f"v{view}_f{feature}": [((key * 31 + view * 17 + feature * 7) % 10_007) / 8 for key in keys]
        for feature in range(features)
    }
    return pd.DataFrame({"customer": keys, "event_timestamp": event_time, **columns})


store = FeatureStore(repo_path=str(folder))
customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.INT64)
definitions = []
for view in range(views):
    path = folder / f"v{view}.parquet"
    frame(view).head(1).to_parquet(path)
    definitions.append(
        FeatureView(
            name=f"v{view}",
            entities=[customer],
            ttl=timedelta(days=3650),
            schema=[Field(name=f"v{view}_f{feature}", dtype=Float64) for feature in range(features)],
            source=FileSource(path=str(path), timestamp_field="event_timestamp"),
        )
    )
store.apply([customer, *definitions])
for view in range(views):
    store.write_to_online_store(f"v{view}", frame(view))
