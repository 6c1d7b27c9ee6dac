"""Makes golden_estimated.csv of small/car_loan and small/shapes: NannyML's CBPE of every chunk.

NannyML's own functions, from its confidence_based package: the calibrators as `CBPE.fit` fits them,
and the estimates as its metrics make them. They are called directly because `CBPE` itself needs a
data frame with every class in every chunk. `roc_auc` is given twice: `roc_auc` is NannyML's, which
rounds cumulative counts to five decimals and takes tied scores in the order that NumPy's sort leaves
them in; `roc_auc_exact` is the same area without rounding and with ties counted one half.

    python3 -m venv /tmp/nannyml
    /tmp/nannyml/bin/pip install nannyml==0.13.1 numpy==1.26.4 pandas==2.2.3 scipy==1.13.1 \
        scikit-learn==1.5.2 statsmodels==0.14.2 category-encoders==2.6.4
    NML_DISABLE_USAGE_LOGGING=1 /tmp/nannyml/bin/python tests/golden/make_estimates.py
"""

import csv
import gzip
import json
import pathlib

import numpy as np
import pandas as pd
from nannyml.calibration import IsotonicCalibrator, needs_calibration
from nannyml.performance_estimation.confidence_based.cbpe import (
    _calibrate_predicted_probabilities,
    _fit_calibrators,
)
from nannyml.performance_estimation.confidence_based.metrics import (
    estimate_accuracy,
    estimate_f1,
    estimate_precision,
    estimate_recall,
    estimate_roc_auc,
)

SMALL = pathlib.Path(__file__).parent / "small"


def exact_auc(probability, score):
    _, group = np.unique(score, return_inverse=True)
    positives = np.bincount(group, probability)
    negatives = np.bincount(group) - positives
    below = np.cumsum(negatives) - negatives
    return (positives * (below + negatives / 2)).sum() / (
        probability.sum() * (1 - probability).sum()
    )


def read(folder):
    meta = json.loads((folder / "meta.json").read_text())
    reference = pd.read_csv(folder / "reference.csv.gz")
    with gzip.open(folder / "predictions.jsonl.gz", "rt") as lines:
        events = [json.loads(line) for line in lines]
    return meta, reference, events


def binary(reference, events, size):
    score = reference["prediction"].to_numpy()
    label = reference["actual"].to_numpy()
    calibrator = IsotonicCalibrator()
    needed = needs_calibration(label, score, calibrator)
    calibrator.fit(score, label)
    for first in range(0, len(events), size):
        chunk = events[first : first + size]
        raw = np.array([event["prediction"] for event in chunk])
        predicted = np.array([event["predicted_class"] for event in chunk])
        p = calibrator.calibrate(raw) if needed else raw
        yield first // size, {
            "accuracy": estimate_accuracy(predicted, p),
            "precision": estimate_precision(predicted, p),
            "recall": estimate_recall(predicted, p),
            "f1": estimate_f1(predicted, p),
            "roc_auc": estimate_roc_auc(p, raw),
            "roc_auc_exact": exact_auc(p, raw),
        }


def multiclass(reference, events, size):
    columns = {c[6:]: c for c in sorted(reference.columns) if c.startswith("score_")}
    reference = reference.dropna(subset=["actual", *columns.values()]).reset_index(drop=True)
    calibrators = _fit_calibrators(reference, "actual", columns, IsotonicCalibrator())
    frame = pd.DataFrame(
        [{columns[c]: event["scores"][c] for c in columns} for event in events]
    )
    frame["prediction"] = [event["prediction"] for event in events]
    for first in range(0, len(events), size):
        raw = frame.iloc[first : first + size]
        mapped = _calibrate_predicted_probabilities(raw, "actual", columns, calibrators)
        p = {c: mapped[columns[c]].to_numpy() for c in columns}
        is_it = {c: (raw["prediction"] == c).to_numpy().astype(int) for c in columns}
        scores = {c: raw[columns[c]].to_numpy() for c in columns}
        mean = lambda f: np.mean([f(c) for c in columns])
        yield first // size, {
            "accuracy": np.mean(sum(is_it[c] * p[c] for c in columns)),
            "precision_macro": mean(lambda c: estimate_precision(is_it[c], p[c])),
            "recall_macro": mean(lambda c: estimate_recall(is_it[c], p[c])),
            "f1_macro": mean(lambda c: estimate_f1(is_it[c], p[c])),
            "roc_auc": mean(lambda c: estimate_roc_auc(p[c], scores[c])),
            "roc_auc_exact": mean(lambda c: exact_auc(p[c], scores[c])),
        }


for name, estimate in (("car_loan", binary), ("shapes", multiclass)):
    meta, reference, events = read(SMALL / name)
    with open(SMALL / name / "golden_estimated.csv", "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["metric", "chunk", "value"])
        for chunk, metrics in estimate(reference, events, meta["chunk_size_used_in_golden"]):
            for metric, value in metrics.items():
                writer.writerow([metric, chunk, repr(float(value))])
