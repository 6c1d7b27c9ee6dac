#!/usr/bin/env python3
"""Draws the picture of docs/false-alarms.md: plot_false_alarms.py RESULTS.json PICTURE.svg

RESULTS.json is what `./dev bench false_alarms --json RESULTS.json` writes. Needs matplotlib.
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "driftd"  # the same bytes for the same numbers
matplotlib.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt  # noqa: E402

RULES = ["KS Bonferroni", "PSI > 0.1, 0.2", "Wasserstein > 0.1 sd",
         "mean + 3 sd, JS"]
LIMIT = 120


def rates(axes, families):
    names = [family["name"] for family in families][::-1]
    alerts = [family["alerts"] for family in families][::-1]
    errors = [family["error"] or 0 for family in families][::-1]
    axes.axvspan(0.5, 1.5, color="tab:green", alpha=0.15, lw=0)
    axes.axvline(1, color="tab:green", lw=1)
    axes.errorbar(alerts, range(len(names)), xerr=errors, fmt="o", ms=4, lw=1, color="black")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("alerts in 30 days; asked for: 1")
    axes.set_xlim(left=0)
    axes.set_title("false alarms on stable traffic", fontsize=9)


def delays(axes, families):
    shifts = [".2 sd", ".3 sd", ".5 sd", "1 sd", "var x1.5", "all .05", "ramp"]
    compared = [family for family in families if family["rules"] and
                all(shift in family["delays"] for shift in shifts)]

    def middle(of):
        values = [of(family) for family in compared]
        values = sorted(LIMIT if value is None else value for value in values)
        return values[len(values) // 2]

    rows = {"driftd": [middle(lambda f, s=shift: f["delays"][s]) for shift in shifts]}
    for name in RULES:
        rows[name] = [middle(lambda f, s=shift, n=name: next(
            rule for rule in f["rules"] if rule["name"] == n)["delays"][s]) for shift in shifts]
    for name, values in rows.items():
        ours = name == "driftd"
        axes.plot(values, range(len(shifts)), "o-", ms=5 if ours else 3, lw=2 if ours else 0.8,
                  color="black" if ours else None, zorder=3 if ours else 2, label=name)
    axes.set_yticks(range(len(shifts)), shifts, fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 24, 48, LIMIT], ["1", "2", "5", "10", "24", "48", "never"])
    axes.set_xlabel("hours until the alert: the median family's median")
    axes.set_title("delay at the same rate of false alarms", fontsize=9)
    axes.legend(fontsize=7)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        families = json.load(file)["families"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5.5), width_ratios=[1, 1.1])
    rates(left, [family for family in families if family["in_mean"]])
    delays(right, families)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()
