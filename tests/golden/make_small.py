#!/usr/bin/env python3
"""Makes the small golden sets in tests/golden/small, and proves the functions that make them.

    make_small.py SOURCE [TARGET]      make the sets
    make_small.py SOURCE --verify      compare these functions with the goldens in SOURCE, at 1e-9

SOURCE is the folder with the full event data (nml_car_loan, nml_car_price, elec2, gas_sensor and
golden). Needs numpy, scipy and scikit-learn; the versions used are written to versions.json.
Each value comes from SciPy or scikit-learn where they have it, else from the formula beside it.
The same SOURCE and versions give the same bytes.
"""

import collections
import csv
import dataclasses
import gzip
import io
import json
import math
import pathlib
import platform
import random
import sys
import warnings

import numpy
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

SEED = 20240229
TOLERANCE = {"statistic": 1e-9, "p_value": 1e-6, "p_value_ks": 5e-6}
NUMERIC, CATEGORICAL = "numeric", "categorical"
AVERAGES = ("macro", "micro", "weighted")
OUTPUTS = ("prediction", "predicted_class", "latency_ms")


@dataclasses.dataclass
class Set:
    """One model's data. `meta` is its meta.json; `reference` and `current` map a series to its
    values in order, missing ones as None; `labels` maps an id to the first label that came."""
    meta: dict
    types: dict
    reference: dict
    current: dict
    predictions: list
    labels: dict


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_lines(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return file.readlines()


def write_lines(path, lines):
    """Writes a gzip file whose header holds neither a name nor a time, so that it is repeatable."""
    with open(path, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as file:
            file.write("".join(lines).encode())


def number(cell):
    """A numeric cell of JSON or CSV; None where it is missing."""
    value = float("nan") if cell is None or cell == "" else float(cell)
    return None if math.isnan(value) else value


def category(cell):
    """The text by which a category is compared: JSON 6 is CSV 6.0, JSON true is CSV True."""
    if cell is None or cell == "" or cell != cell:
        return None
    if isinstance(cell, bool) or cell in ("True", "False"):
        return str(cell).lower()
    try:
        value = float(cell)
    except ValueError:
        return cell
    return str(int(value)) if value.is_integer() else repr(value)


def first_labels(lines):
    """Id to label; read backwards, so that the first label of an id in order of arrival wins."""
    return {event["id"]: event["actual"] for event in map(json.loads, reversed(lines))}


def read_set(folder, labels="labels"):
    """Reads a set's files, of which `labels` names the one with the labels."""
    meta = read_json(folder / "meta.json")
    table = list(csv.DictReader(read_lines(folder / "reference.csv.gz")))
    events = [json.loads(line) for line in read_lines(folder / "predictions.jsonl.gz")]
    kinds = (CATEGORICAL if meta["task"] == "multiclass" else NUMERIC, CATEGORICAL, NUMERIC)
    types = dict(meta["features"])
    types |= {name: kind for name, kind in zip(OUTPUTS, kinds) if name in table[0]}
    reference, current = {}, {}
    for series, kind in types.items():
        convert = number if kind == NUMERIC else category
        reference[series] = [convert(row[series]) for row in table]
        current[series] = [convert((event if series in OUTPUTS else event["features"]).get(series))
                           for event in events]
    return Set(meta, types, reference, current, events,
               first_labels(read_lines(folder / f"{labels}.jsonl.gz")))


def chunks(data):
    """The slices of the predictions, the last incomplete one kept."""
    size = data.meta["chunk_size_used_in_golden"]
    return [slice(start, start + size) for start in range(0, len(data.predictions), size)]


def decile_edges(sorted_reference):
    """Distinct edges at k/10 of the reference, by linear interpolation in exactly this form."""
    edges = []
    last = len(sorted_reference) - 1
    for k in range(1, 10):
        position = last * (k / 10)
        low = math.floor(position)
        step = sorted_reference[min(low + 1, last)] - sorted_reference[low]
        edges.append(sorted_reference[low] + (position - low) * step)
    return numpy.unique(edges)


def decile_counts(reference, current):
    """Counts in (-inf, e1], (e1, e2], ..., (ek, inf) of both samples."""
    ordered = numpy.sort(numpy.asarray(reference, dtype=float))
    edges = decile_edges(ordered)
    count = lambda at, x: numpy.bincount(numpy.searchsorted(at, x), minlength=len(at) + 1)
    both = count(edges, reference), count(edges, current)
    # NumPy interpolates by another formula. A set on which the last bit of an edge moves a row is
    # no ground for a golden value.
    other = numpy.unique(numpy.quantile(ordered, numpy.arange(1, 10) / 10))
    for counts, sample in zip(both, (reference, current)):
        assert numpy.array_equal(counts, count(other, sample)), "ambiguous decile edges"
    return both


def category_counts(reference, current):
    """Counts of both samples, one bin for each value that occurs in either."""
    a, b = collections.Counter(reference), collections.Counter(current)
    bins = sorted(a.keys() | b.keys())
    return numpy.array([a[x] for x in bins]), numpy.array([b[x] for x in bins])


def psi(a, b):
    """sum (q - p) ln(q / p), the shares floored at 1e-4 and not renormalised."""
    p, q = (numpy.maximum(counts / counts.sum(), 1e-4) for counts in (a, b))
    return float(numpy.sum((q - p) * numpy.log(q / p)))


def chi2(a, b):
    """Pearson's statistic of the 2 x bins table and its p, without Yates's correction."""
    result = stats.chi2_contingency(numpy.array([a, b])[:, (a + b) > 0], correction=False)
    return float(result.statistic), float(result.pvalue)


def univariate(data):
    """Rows (series, detector, chunk, n, statistic, p_value) of every series and chunk."""
    rows = []
    for series, kind in data.types.items():
        reference = [x for x in data.reference[series] if x is not None]
        for index, part in enumerate(chunks(data)):
            window = data.current[series][part]
            current = [x for x in window if x is not None]
            if kind == NUMERIC:
                ks = stats.ks_2samp(reference, current, method="asymp")
                rows.append((series, "ks", index, len(current), ks.statistic, ks.pvalue))
            count = decile_counts if kind == NUMERIC else category_counts
            bins = count(reference, current)
            rows.append((series, "psi", index, len(current), psi(*bins), None))
            rows.append((series, "chi2", index, len(current), *chi2(*bins)))
            missing = (len(window) - len(current)) / len(window)
            rows.append((series, "missing", index, len(window), missing, None))
            if kind == CATEGORICAL:
                known = set(reference)
                unseen = sum(x not in known for x in current) / len(window)
                rows.append((series, "unseen", index, len(window), unseen, None))
    return rows


def calibration_error(confidence, right):
    """sum n_k/n |mean right - mean confidence| over ten bins (k/10, (k+1)/10], 0 in the first."""
    confidence, right = numpy.asarray(confidence, dtype=float), numpy.asarray(right, dtype=float)
    bins = numpy.searchsorted(numpy.arange(1, 10) / 10, confidence, side="left")
    return sum(abs(right[bins == k].mean() - confidence[bins == k].mean()) * (bins == k).mean()
               for k in numpy.unique(bins))


def binary_metrics(actual, decided, score):
    """All of them 0 and 1 for the two classes, `score` the probability of 1."""
    return {
        "accuracy": metrics.accuracy_score(actual, decided),
        "balanced_accuracy": metrics.balanced_accuracy_score(actual, decided),
        "precision": metrics.precision_score(actual, decided, zero_division=0),
        "recall": metrics.recall_score(actual, decided, zero_division=0),
        "f1": metrics.f1_score(actual, decided, zero_division=0),
        "roc_auc": metrics.roc_auc_score(actual, score),
        "average_precision": metrics.average_precision_score(actual, score),
        "log_loss": metrics.log_loss(actual, score, labels=[0, 1]),
        "brier": metrics.brier_score_loss(actual, score),
        "mcc": metrics.matthews_corrcoef(actual, decided),
        "cohen_kappa": metrics.cohen_kappa_score(actual, decided),
        "ece": calibration_error(score, actual),
    }


def averaged_metrics(actual, predicted):
    """precision, recall and f1 by the three averages, over the classes that occur."""
    functions = {"precision": metrics.precision_score, "recall": metrics.recall_score,
                 "f1": metrics.f1_score}
    return {f"{name}_{average}": function(actual, predicted, average=average, zero_division=0)
            for name, function in functions.items() for average in AVERAGES}


def multiclass_metrics(actual, predicted, scores, classes):
    """`scores` has a row per event and a column per class, in the order of `classes`."""
    scores = numpy.asarray(scores, dtype=float)
    shares = scores / scores.sum(axis=1, keepdims=True)
    top = scores.argmax(axis=1)
    right = [classes[k] == y for k, y in zip(top, actual)]
    return {
        "accuracy": metrics.accuracy_score(actual, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(actual, predicted),
        "mcc": metrics.matthews_corrcoef(actual, predicted),
        "log_loss": metrics.log_loss(actual, shares, labels=classes),
        "roc_auc": metrics.roc_auc_score(actual, shares, multi_class="ovr", labels=classes),
        # The scores as they came: only log loss and ROC AUC ask for shares.
        "brier": metrics.brier_score_loss(actual, scores, labels=classes, scale_by_half=False),
        "ece": calibration_error(scores[numpy.arange(len(top)), top], right),
        "cohen_kappa": metrics.cohen_kappa_score(actual, predicted),
        **averaged_metrics(actual, predicted),
    }


def regression_metrics(actual, predicted):
    return {
        "mae": metrics.mean_absolute_error(actual, predicted),
        "rmse": metrics.root_mean_squared_error(actual, predicted),
        "mape": metrics.mean_absolute_percentage_error(actual, predicted),
        "r2": metrics.r2_score(actual, predicted),
        "median_ae": metrics.median_absolute_error(actual, predicted),
        "bias": float(numpy.mean(numpy.asarray(predicted) - numpy.asarray(actual))),
    }


def outcomes(data, part):
    """The labelled events of a chunk as the arguments of the task's metrics."""
    events = [event for event in data.predictions[part] if event["id"] in data.labels]
    actual = [data.labels[event["id"]] for event in events]
    predicted = [event["prediction"] for event in events]
    if data.meta["task"] == "binary":
        positive = category(data.meta["positive_class"])
        decided = [int(category(event["predicted_class"]) == positive) for event in events]
        return [int(category(y) == positive) for y in actual], decided, predicted
    if data.meta["task"] == "multiclass":
        classes = data.meta["classes"]
        scores = [[event["scores"][name] for name in classes] for event in events]
        return [category(y) for y in actual], [category(p) for p in predicted], scores, classes
    return actual, predicted


def performance(data):
    """Rows (metric, chunk, n, labelled, value); a value that is undefined is None."""
    functions = {"binary": binary_metrics, "multiclass": multiclass_metrics,
                 "regression": regression_metrics}
    rows = []
    for index, part in enumerate(chunks(data)):
        events = data.predictions[part]
        arguments = outcomes(data, part)
        values = functions[data.meta["task"]](*arguments)
        values["latency_mean"] = numpy.mean([event["latency_ms"] for event in events])
        for name, value in values.items():
            rows.append((name, index, len(events), len(arguments[0]),
                         None if math.isnan(value) else float(value)))
    return rows


def csv_text(table):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue()


def json_lines(events):
    compact = {"separators": (",", ":"), "ensure_ascii": False}
    return [json.dumps(event, **compact) + "\n" for event in events]


def write_golden(path, header, rows):
    cell = lambda x: "" if x is None else repr(float(x)) if isinstance(x, float) else x
    path.write_text(csv_text([header] + [[cell(x) for x in row] for row in rows]), encoding="utf-8")


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_set_goldens(folder):
    write_golden(folder / "golden_univariate.csv",
                 ("series", "detector", "chunk", "n", "statistic", "p_value"),
                 univariate(read_set(folder)))
    for suffix in ("", "_messy"):
        if (folder / f"labels{suffix}.jsonl.gz").exists():
            write_golden(folder / f"golden_metrics{suffix}.csv",
                         ("metric", "chunk", "n", "labelled", "value"),
                         performance(read_set(folder, f"labels{suffix}")))


def write_set(folder, reference, predictions, labels, meta):
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "reference.csv.gz", reference)
    write_lines(folder / "predictions.jsonl.gz", predictions)
    write_lines(folder / "labels.jsonl.gz", labels)
    write_json(folder / "meta.json", {"name": folder.name, **meta, "label_horizon": "90d"})


def sample_set(source, folder, prediction_step, reference_step, chunk):
    """Keeps every so many lines of a full set, unchanged and in their order."""
    predictions = read_lines(source / "predictions.jsonl.gz")[::prediction_step]
    kept = {json.loads(line)["id"] for line in predictions}
    labels = [x for x in read_lines(source / "labels.jsonl.gz") if json.loads(x)["id"] in kept]
    header, *rows = read_lines(source / "reference.csv.gz")
    full = read_json(source / "meta.json")
    kept_keys = ("task", "model", "version", "features", "classes", "positive_class")
    write_set(folder, [header, *rows[::reference_step]], predictions, labels, {
        **{key: full[key] for key in kept_keys}, "chunk_size_used_in_golden": chunk,
        "origin": f"{full['origin']}: every {prediction_step}th prediction, "
                  f"every {reference_step}th reference row",
        "licence": full["licence"], "synthetic": "label times and latency_ms"})
    return labels


def messy(labels):
    """The same labels, of which 3 % never come, 1 % come twice, 1 % come again with another value
    (the first holds), and 20 more belong to no prediction."""
    draw = random.Random(SEED)
    events = []
    for event in map(json.loads, labels):
        fate = draw.random()
        if fate < 0.03:
            continue
        events.append(event)
        later = event["ts"] + 1000 + int(draw.random() * 86_400_000)
        if fate < 0.05:
            actual = event["actual"] if fate < 0.04 else 1 - event["actual"]
            events.append({**event, "ts": later, "actual": actual})
    first, last = events[0]["ts"], events[-1]["ts"]
    for k in range(20):
        events.append({"id": f"no-such-prediction-{k}", "actual": k % 2,
                       "ts": first + int(draw.random() * (last - first))})
    return json_lines(sorted(events, key=lambda event: event["ts"]))


SHAPES = ["circle", "hexagon", "square", "triangle"]
SHAPES_CHUNK, SHAPES_ROWS, SHAPES_REFERENCE_ROWS = 200, 1100, 400
SHAPES_FEATURES = {"area": NUMERIC, "corners_found": NUMERIC, "tilt": NUMERIC, "contrast": NUMERIC,
                   "colour": CATEGORICAL, "camera": CATEGORICAL, "outlined": CATEGORICAL,
                   "sides": CATEGORICAL}
# Chunk 1 has hexagons neither in labels nor in predictions, chunk 2 only in predictions; chunk 4
# has triangles in labels only, so that scores of 0 meet the clipping of log loss.
NEVER_LABELLED = {1: {"hexagon"}, 2: {"hexagon"}}
NEVER_PREDICTED = {1: {"hexagon"}, 4: {"triangle"}}


def pick(draw, weights):
    """A key of a dictionary of weights."""
    return draw.choices(list(weights), list(weights.values()))[0]


def draw_features(draw, shape, shifted, unseen):
    """The features of one event; `shifted` after the drift, `unseen` with new categories."""
    colours = {"red": 5, "grün": 3, "blue, dark": 2, "\"matt\" black": 1}
    cameras = {"c1": 4, "c2": 3, "c3": 1}
    sides = {"circle": 1, "hexagon": 6, "square": 4, "triangle": 3}[shape]
    if unseen:
        colours |= {"violet": 1, "ocre": 0.5}
        cameras = {"c1": 4, "c2": 3, "c4": 1}
        sides = 8 if draw.random() < 0.04 else sides
    return {
        "area": round(math.exp(draw.gauss(2.4 if shifted else 2.0, 0.6)), 3),
        "corners_found": max(0, round(draw.gauss(sides, 0.8))),
        "tilt": None if draw.random() < 0.05 else round(draw.gauss(0.4 * shifted, 1.0), 1),
        "contrast": (None if draw.random() < 0.02 else 0.0 if draw.random() < 0.45
                     else round(draw.random() * (0.8 if shifted else 1.0), 3)),
        "colour": pick(draw, colours),
        "camera": None if draw.random() < 0.03 else pick(draw, cameras),
        "outlined": None if draw.random() < 0.01 else draw.random() < (0.6 if shifted else 0.3),
        "sides": sides,
    }


def draw_output(draw, shape, barred):
    """The model's class and its scores: rounded to two decimals, so that their sum is only near 1,
    and 0 for barred classes. One class in twenty is not that with the largest score."""
    weights = {name: (name not in barred) * math.exp(draw.gauss(2.2 * (name == shape), 1.4))
               for name in SHAPES}
    scores = {name: round(weight / sum(weights.values()), 2) for name, weight in weights.items()}
    first, second, *rest = sorted(SHAPES, key=lambda name: (-scores[name], name))
    if scores[first] == scores[second]:
        scores[first] = round(scores[first] + 0.01, 2)
    order = [second, first, *rest] if draw.random() < 0.05 else [first, second, *rest]
    return next(name for name in order if name not in barred), scores


def draw_event(draw, index, shifted=False, unseen=False, chunk=None):
    """One event: its features, the true shape, the model's output and the latency."""
    absent = NEVER_LABELLED.get(chunk, set())
    shares = {"circle": 4, "hexagon": 1, "square": 3, "triangle": 3}
    shape = pick(draw, {name: w for name, w in shares.items() if name not in absent})
    features = draw_features(draw, shape, shifted, unseen)
    predicted, scores = draw_output(draw, shape, NEVER_PREDICTED.get(chunk, set()))
    latency = round(math.exp(draw.gauss(math.log(14 if shifted else 8), 0.3)), 3)
    # Every tenth event has the time of the one before.
    ts = 1_704_067_200_000 + 60_000 * (index - (index % 10 == 9))
    return features, shape, predicted, scores, latency, ts


def shapes_reference(draw):
    """The reference as CSV: numbers as categories carry a fraction (6.0), booleans are True and
    False, missing is an empty cell or NaN."""
    table = [["id", "ts", *SHAPES_FEATURES, "prediction", *(f"score_{x}" for x in SHAPES),
              "latency_ms", "actual"]]
    for index in range(SHAPES_REFERENCE_ROWS):
        features, shape, predicted, scores, latency, ts = draw_event(draw, index)
        features["sides"] = float(features["sides"])
        if features["contrast"] is None and index % 2:
            features["contrast"] = "NaN"
        table.append([f"r{index}", ts - 10_000_000_000, *features.values(), predicted,
                      *scores.values(), latency, shape])
    return csv_text(table)


def shapes_events(draw):
    """The prediction events and, in order of arrival, the labels."""
    predictions, labels = [], []
    for index in range(SHAPES_ROWS):
        features, shape, predicted, scores, latency, ts = draw_event(
            draw, index, shifted=index >= 600, unseen=index >= 400, chunk=index // SHAPES_CHUNK)
        if index % 50 == 7:
            features["sides"] = str(features["sides"])
        if features["tilt"] is None and index % 2:
            del features["tilt"]
        predictions.append({"id": f"s{index}", "model": "shapes", "version": "1", "ts": ts,
                            "features": features, "prediction": predicted, "scores": scores,
                            "latency_ms": latency})
        delay = 1000 + int(3_600_000 * math.exp(draw.gauss(0, 0.7)))
        labels.append({"id": f"s{index}", "ts": ts + delay, "actual": shape})
    return json_lines(predictions), json_lines(sorted(labels, key=lambda event: event["ts"]))


def make_shapes(folder):
    draw = random.Random(SEED)
    write_set(folder, [shapes_reference(draw)], *shapes_events(draw), {
        "task": "multiclass", "model": "shapes", "version": "1",
        "features": SHAPES_FEATURES, "classes": SHAPES, "positive_class": None,
        "chunk_size_used_in_golden": SHAPES_CHUNK,
        "origin": f"made up by make_small.py, seed {SEED}", "licence": "that of this repository",
        "synthetic": "everything"})


def make(source, target):
    """Makes the three sets, their goldens and the record of the tools."""
    loans = sample_set(source / "nml_car_loan", target / "car_loan", 45, 50, 200)
    write_lines(target / "car_loan" / "labels_messy.jsonl.gz", messy(loans))
    sample_set(source / "nml_car_price", target / "car_price", 50, 60, 250)
    make_shapes(target / "shapes")
    for name in ("car_loan", "car_price", "shapes"):
        write_set_goldens(target / name)
    write_json(target / "versions.json", {
        "python": platform.python_version(), "numpy": numpy.__version__,
        "scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "seed": SEED,
        "relative_tolerance": TOLERANCE})


UNIVARIATE_NAMES = {"ks_2samp_asymp": "ks", "psi": "psi", "chi2": "chi2"}
METRIC_NAMES = {"roc_auc_ovr_macro": "roc_auc",
                **{f"f1_{x}_sklearn_default": f"f1_{x}" for x in AVERAGES}}
# Those of golden/metrics that the sets' goldens lack, by name and parameters there.
CASE_NAMES = {
    ("cohen_kappa", "unweighted"): "cohen_kappa",
    ("brier", "sum over classes, mean over rows (0..2)"): "brier",
    ("ece", "10 equal-width bins (k/B,(k+1)/B], 0 in the first"): "ece",
    ("ece", "top label; 10 equal-width bins (k/B,(k+1)/B]"): "ece",
    **{(name, f"average={x};zero_division=0;labels=present (sklearn default)"): f"{name}_{x}"
       for name in ("precision", "recall", "f1") for x in AVERAGES}}


class Comparison:
    """Counts what agrees with a golden value and keeps what does not."""

    def __init__(self):
        self.agreed = collections.Counter()
        self.wrong = []
        self.unmatched = set()

    def check(self, where, name, expected, got, tolerance=1e-9, absolute=1e-15):
        expected = None if expected in ("", "nan") else float(expected)
        got = None if got is None or math.isnan(got) else got
        same = expected is got is None or None not in (expected, got) and math.isclose(
            expected, got, rel_tol=tolerance, abs_tol=absolute)
        self.agreed[name] += same
        if not same:
            self.wrong.append((where, name, expected, got))


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def verify_univariate(folder, comparison):
    """A full set against golden_exact_univariate.csv."""
    data = read_set(folder)
    found = {row[:3]: row[3:] for row in univariate(data)}
    for row in read_table(folder / "golden_exact_univariate.csv"):
        series, chunk = row["column"], int(row["chunk_index"])
        where = (folder.name, series, chunk)
        name = UNIVARIATE_NAMES.get(row["method"])
        if name:
            count, statistic, p_value = found[series, name, chunk]
            comparison.check(where, name, row["value"], statistic)
            comparison.check(where, f"{name} n", row["n_used"], count)
            if row["pvalue"]:
                comparison.check(where, f"{name} p", row["pvalue"], p_value, 1e-6, 0)
        elif row["method"] == "unseen_values":
            count, share, _ = found[series, "unseen", chunk]
            comparison.check(where, "unseen", row["value"], share * count)
        else:
            comparison.unmatched.add(row["method"])
        count, share, _ = found[series, "missing", chunk]
        comparison.check(where, "missing", row["missing"], share * count)


def verify_metrics(folder, comparison):
    """A full set against golden_exact_metrics.csv, with tidy and with messy labels."""
    goldens = read_table(folder / "golden_exact_metrics.csv")
    found = {}
    for labels in {row["labels_file"] for row in goldens}:
        for name, chunk, _, labelled, value in performance(read_set(folder, labels)):
            found[labels, name, chunk] = labelled, value
    for row in goldens:
        key = (row["labels_file"], METRIC_NAMES.get(row["metric"], row["metric"]),
               int(row["chunk_index"]))
        if key in found:
            labelled, value = found[key]
            comparison.check((folder.name, key), key[1], row["value"], value)
            comparison.check((folder.name, key), "labelled", row["n_labelled"], labelled)
        else:
            comparison.unmatched.add(row["metric"])


def verify_cases(folder, comparison):
    """The metrics that the sets' goldens lack, on the cases of golden/metrics."""
    found = {}
    for case in map(json.loads, read_lines(folder / "cases.jsonl.gz")):
        arguments = case["y_true"], case["y_pred"]
        if case["task"] == "binary":
            found[case["id"]] = binary_metrics(*arguments, case["y_score"])
        elif case["task"] == "multiclass":
            found[case["id"]] = multiclass_metrics(*arguments, case["y_score"], case["labels"])
    for row in read_table(folder / "golden.csv"):
        name = CASE_NAMES.get((row["metric"], row["params"]))
        if name:
            comparison.check(row["case"], name, row["value"], found[row["case"]][name])


def verify(source):
    comparison = Comparison()
    for name in ("elec2", "nml_car_loan", "gas_sensor", "nml_car_price"):
        verify_univariate(source / name, comparison)
        verify_metrics(source / name, comparison)
    verify_cases(source / "golden" / "metrics", comparison)
    for name, count in sorted(comparison.agreed.items()):
        print(f"{count:6} agree  {name}")
    print("no counterpart here:", ", ".join(sorted(comparison.unmatched)))
    for difference in comparison.wrong:
        print("DIFFERS", *difference)
    return 1 if comparison.wrong else 0


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    # scikit-learn warns of classes without labels and of scores that do not add up: both are here
    # on purpose.
    warnings.simplefilter("ignore")
    source = pathlib.Path(arguments[0])
    if arguments[1:] == ["--verify"]:
        return verify(source)
    beside = pathlib.Path(__file__).resolve().parent / "small"
    make(source, pathlib.Path(arguments[1]) if arguments[1:] else beside)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
