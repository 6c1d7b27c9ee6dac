"""Writes sequential.csv: where River's drift detectors fire and warn on streams made here.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install river==0.26.1
    /tmp/golden/bin/python make_sequential.py            # writes sequential.csv again
    /tmp/golden/bin/python make_sequential.py --seed 7 --out other.csv   # other streams

A stream is a pure function of its shape, seed and length in whole-number arithmetic and additions
(`values`), so that the test makes the same doubles itself and no stream is stored. Rows: shape,
seed, n, detector, settings, rows of drift, number of warnings, and a hash of the rows of warning.
"""

import argparse
import csv
import pathlib

from river import drift

HERE = pathlib.Path(__file__).parent
MASK = (1 << 64) - 1


class Splitmix:
    """Steele, Lea and Flood (2014): the generator of tests/sequential_golden_test.cc, too."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def bell(self):
        """Nearly normal: the sum of 12 uniform numbers less 6, added in this order."""
        total = 0.0
        for _ in range(12):
            total += self.uniform()
        return total - 6.0


def values(shape, seed, n):
    random = Splitmix(seed)
    level, spread = 0.0, 1.0
    left = 0
    out = []
    for i in range(n):
        if left == 0:  # a new regime
            left = 200 + random.next() % 1500
            level = random.uniform()
            spread = 0.25 + random.uniform()
        left -= 1
        if shape == "errors":
            out.append(1 if random.uniform() < level * 0.5 else 0)
        elif shape == "rare":
            out.append(1 if random.uniform() < level * 0.03 else 0)
        elif shape == "bell":
            out.append(level * 3.0 + spread * random.bell())
        elif shape == "null":
            out.append(random.bell())
        elif shape == "ties":
            out.append(float(random.next() % (2 + int(level * 8.0))))
        elif shape == "far":  # a small noise on a large number
            out.append(1e9 + level + spread * random.uniform())
        elif shape == "constant":
            out.append(0.1 if i < 1000 else 0.3)
        elif shape == "wide":
            out.append(random.bell() * 2.0 ** (random.next() % 60))
        else:
            raise ValueError(shape)
    return out


def settings_of(random):
    """One random setting of each detector, beside the defaults."""
    def pick(*choices):
        return choices[random.next() % len(choices)]

    return {
        "adwin": {"delta": pick(0.3, 0.05, 0.002, 1e-6), "clock": pick(1, 7, 32, 100),
                  "max_buckets": pick(2, 3, 5, 9), "min_window_length": pick(1, 5, 20),
                  "grace_period": pick(0, 10, 60)},
        "page_hinkley": {"min_instances": pick(1, 30, 100), "delta": pick(0.0, 0.005, 0.1),
                         "threshold": pick(3.0, 10.0, 50.0), "alpha": pick(1.0, 0.9999, 0.98),
                         "mode": pick("both", "up", "down")},
        "kswin": {"alpha": pick(0.05, 0.005, 0.0001), "window_size": pick(60, 100, 400),
                  "stat_size": pick(5, 20, 30), "seed": random.next() % (1 << 40)},
        "ddm": {"warm_start": pick(1, 30, 100), "warning_threshold": pick(1.0, 2.0),
                "drift_threshold": pick(2.0, 3.0, 4.0)},
        "eddm": {"warm_start": pick(5, 30), "alpha": pick(0.98, 0.95, 0.9),
                 "beta": pick(0.9, 0.8)},
        "hddm_a": {"drift_confidence": pick(0.01, 0.001, 0.0001),
                   "warning_confidence": pick(0.05, 0.005), "two_sided_test": pick(True, False)},
        "hddm_w": {"drift_confidence": pick(0.01, 0.001, 0.0001),
                   "warning_confidence": pick(0.05, 0.005),
                   "lambda_val": pick(0.3, 0.05, 0.013, 0.007),
                   "two_sided_test": pick(True, False)},
    }


DETECTORS = {
    "adwin": drift.ADWIN, "page_hinkley": drift.PageHinkley, "kswin": drift.KSWIN,
    "ddm": drift.binary.DDM, "eddm": drift.binary.EDDM, "hddm_a": drift.binary.HDDMA,
    "hddm_w": drift.binary.HDDMW,
}
ERRORS_ONLY = {"ddm", "eddm", "hddm_a", "hddm_w"}
SHAPES = {"errors": True, "rare": True, "bell": False, "null": False, "ties": False, "far": False,
          "constant": False, "wide": False}


def fnv(numbers):
    value = 0xCBF29CE484222325
    for number in numbers:
        value = ((value ^ number) * 0x100000001B3) & MASK
    return value


def text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def run(name, settings, stream):
    detector = DETECTORS[name](**settings)
    drifts, warnings = [], []
    for i, x in enumerate(stream):
        detector.update(x)
        if detector.drift_detected:
            drifts.append(i)
        if getattr(detector, "warning_detected", False):
            warnings.append(i)
    return drifts, warnings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default=HERE / "sequential.csv")
    args = parser.parse_args()
    random = Splitmix(args.seed)
    with open(args.out, "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["shape", "seed", "n", "detector", "settings", "drifts", "n_warnings",
                       "warnings_fnv1a"])
        for round_ in range(args.rounds):
            for shape, binary in SHAPES.items():
                seed = random.next() % (1 << 32)
                n = 2000 + random.next() % 4000
                stream = values(shape, seed, n)
                for name, chosen in settings_of(random).items():
                    if name in ERRORS_ONLY and not binary:
                        continue
                    length = min(n, 1500) if name == "kswin" else n
                    settings = chosen if round_ > 0 else ({"seed": 3} if name == "kswin" else {})
                    drifts, warnings = run(name, settings, stream[:length])
                    rows.writerow([shape, seed, length, name,
                                   " ".join(f"{k}={text(v)}" for k, v in settings.items()),
                                   " ".join(map(str, drifts)), len(warnings), fnv(warnings)])


main()
