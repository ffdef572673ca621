"""Declares the repository in the current folder, and brings its own online store up to a time: prepare.py <time>."""

import sys
from datetime import datetime

from definitions import everything
from feast import FeatureStore

store = FeatureStore(".")
store.apply(everything)
if len(sys.argv) > 1:
    store.materialize(datetime(2000, 1, 1), datetime.fromisoformat(sys.argv[1]))
print("ok")
