#!/usr/bin/env python3
"""Writes proportion.csv: Fisher's one-sided exact p-values, Wilson and Garwood intervals.

Usage: make_proportion.py > proportion.csv   (nothing is random, so there is no seed)

Fisher's p-values are sums of whole numbers, without any rounding before the last division; SciPy's
fisher_exact(alternative="greater") agrees with them where it does not run out of digits.
"""

import math
import platform
from fractions import Fraction

import scipy
from scipy import stats

WINDOWS = [1, 2, 10, 30, 100, 1000, 20_000]
REFERENCES = [1, 30, 100, 5000, 50_000]
SHARES = [0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 1]
COUNTS = [0, 1, 2, 5, 30, 1000, 123_456, 10_000_000]


def fisher_greater(a, n, b, m):
    marked = a + b
    least, most = max(0, marked - m), min(n, marked)
    term = math.comb(marked, least) * math.comb(n + m - marked, n - least)
    total, upper = 0, 0
    for k in range(least, most + 1):
        total += term
        if k >= a:
            upper += term
        term = term * (marked - k) * (n - k) // ((k + 1) * (m - marked + k + 1))
    return float(Fraction(upper, total))


def main():
    print("# made by make_proportion.py; columns by kind:")
    print("# fisher,part,whole,reference part,reference whole,p; wilson,part,whole,low,high;")
    print("# garwood,count,low,high")
    print(f"# SciPy {scipy.__version__}, Python {platform.python_version()}; "
          "tolerance 1e-9 relative; no seed")
    for n in WINDOWS:
        for m in REFERENCES:
            for q in SHARES:
                for p in SHARES:
                    a, b = round(q * n), round(p * m)
                    # Whole numbers of tens of thousands of digits take minutes.
                    if (a + b) * n * m > 10**13 or min(n, a + b) > 2000:
                        continue
                    value = fisher_greater(a, n, b, m)
                    if value == 0 or value > 1e-290:
                        print(f"fisher,{a},{n},{b},{m},{value!r}")
    for n in WINDOWS:
        for a in sorted({round(q * n) for q in SHARES}):
            ci = stats.binomtest(a, n).proportion_ci(0.95, "wilson")
            print(f"wilson,{a},{n},{float(ci.low)!r},{float(ci.high)!r}")
    for count in COUNTS:
        low = 0.0 if count == 0 else float(stats.gamma.ppf(0.025, count))
        print(f"garwood,{count},{low!r},{float(stats.gamma.isf(0.025, count + 1))!r}")


if __name__ == "__main__":
    main()
