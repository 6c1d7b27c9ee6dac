#!/usr/bin/env python3
"""Makes the example stream in examples/car-loan from the full car loan event data.

    make_car_loan.py SOURCE [TARGET]

SOURCE is a folder with NannyML's synthetic car loan data as driftd events: predictions.jsonl.gz,
labels.jsonl.gz and reference.csv.gz. TARGET is the folder to write to, by default `car-loan`
beside this script. Lines are chosen, never rewritten: what is kept is byte for byte what SOURCE
has. The same SOURCE gives the same lines, and with the same zlib the same files.
"""

import gzip
import json
import pathlib
import sys

PREDICTION_STEP = 4
# 10,000 rows remain: as many distinct values as a reference may have before driftd thins it.
REFERENCE_STEP = 5


def read_lines(path):
    """The lines of a gzipped file as bytes, line ends included."""
    with gzip.open(path, "rb") as file:
        return file.readlines()


def write_lines(path, lines):
    """Writes a gzip file whose header holds neither a name nor a time, so that it is repeatable."""
    with open(path, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as file:
            file.writelines(lines)


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit("usage: make_car_loan.py SOURCE [TARGET]")
    source = pathlib.Path(arguments[0])
    target = pathlib.Path(arguments[1] if len(arguments) == 2
                          else pathlib.Path(__file__).resolve().parent / "car-loan")
    target.mkdir(parents=True, exist_ok=True)

    predictions = read_lines(source / "predictions.jsonl.gz")[::PREDICTION_STEP]
    kept = {json.loads(line)["id"] for line in predictions}
    labels = [line for line in read_lines(source / "labels.jsonl.gz")
              if json.loads(line)["id"] in kept]
    header, *rows = read_lines(source / "reference.csv.gz")
    reference = rows[::REFERENCE_STEP]

    write_lines(target / "predictions.jsonl.gz", predictions)
    write_lines(target / "labels.jsonl.gz", labels)
    write_lines(target / "reference.csv.gz", [header, *reference])
    print(f"{len(predictions)} predictions, {len(labels)} labels, {len(reference)} reference rows")


if __name__ == "__main__":
    main(sys.argv[1:])
