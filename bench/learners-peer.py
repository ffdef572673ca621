"""Trains LightGBM on the arrays that learners.ts wrote and prints AUC, log loss and the training time as JSON.

Usage: learners-peer.py FOLDER. The folder has peer.json and raw little-endian float64 arrays, one column after another.
"""

import json
import pathlib
import platform
import sys
import time

import lightgbm
import numpy


def read(folder, name, columns):
    return numpy.fromfile(folder / name, dtype="<f8").reshape(columns, -1).T.copy()


def rank_auc(target, scores):
    _, place, counts = numpy.unique(scores, return_inverse=True, return_counts=True)
    ends = numpy.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[place]
    positives = target.sum()
    negatives = len(target) - positives
    return (ranks[target == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)


def main():
    folder = pathlib.Path(sys.argv[1])
    task = json.loads((folder / "peer.json").read_text())
    columns = len(task["features"])
    train, test = read(folder, "train.bin", columns), read(folder, "test.bin", columns)
    train_target, test_target = read(folder, "train-target.bin", 1)[:, 0], read(folder, "test-target.bin", 1)[:, 0]
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "seed": 0, **task["params"]}
    start = time.perf_counter()
    data = lightgbm.Dataset(train, train_target, categorical_feature=task["categories"])
    model = lightgbm.train(params, data, num_boost_round=task["trees"])
    seconds = time.perf_counter() - start
    scores = model.predict(test, num_threads=1)
    loss = -numpy.mean(numpy.where(test_target == 1, numpy.log(scores), numpy.log1p(-scores)))
    versions = f"LightGBM {lightgbm.__version__}, numpy {numpy.__version__}, Python {platform.python_version()}"
    print(json.dumps({"auc": rank_auc(test_target, scores), "logLoss": loss, "seconds": seconds, "versions": versions}))


main()
