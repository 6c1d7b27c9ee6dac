#!/usr/bin/env python3
"""Writes kstwo.csv: survival probabilities of the two-sided Kolmogorov-Smirnov statistic by SciPy.

Usage: make_kstwo.py > kstwo.csv   (SciPy 1.17; nothing is random, so there is no seed)
"""

import platform

import numpy as np
import scipy
from scipy import special, stats

SIZES = [1, 2, 3, 5, 8, 10, 20, 30, 50, 99, 100, 140, 141, 200, 500, 999, 1000, 2000, 2500, 4545,
         5000, 10_000, 50_000, 100_000, 140_000, 140_001, 1_000_000, 10_000_000]
CDFS = [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 0.01, 0.03]
SFS = [0.9, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.03, 0.025, 0.02, 0.01, 5e-3, 1e-3, 7e-4,
       5e-4, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-13, 1e-16, 1e-20, 1e-30, 1e-45, 1e-60, 1e-80,
       1e-110, 1e-150, 1e-200, 1e-250, 1e-290]
# Below this SciPy's own sums run out of digits; a zero is kept, since it is a stated answer.
SMALLEST = 1e-300
LARGEST_BISECTED = 5000


def bisect(holds):
    """The d in [0, 1] where `holds` turns from true to false."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def statistics(n):
    """The values of d at which this sample size is tabulated."""
    root = np.sqrt(n)
    if n <= LARGEST_BISECTED:
        yield from (bisect(lambda d, c=c: stats.kstwo.cdf(d, n) < c) for c in CDFS)
        yield from (bisect(lambda d, s=s: stats.kstwo.sf(d, n) > s) for s in SFS)
    else:
        yield from (special._ufuncs._kolmogci(c) / root for c in CDFS)
        yield from (special.kolmogi(s) / root for s in SFS)
    yield from (0.0, 0.5 / n, 0.75 / n, 1 / n, 1.5 / n, 1 - 1 / n, 1.0)
    # Multiples of 1/n, where pieces of the exact distribution meet, around the middle of it.
    scales = (0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.5)
    yield from (round(z * root) / n for z in scales)


def main():
    print("# P(D_n >= d) by scipy.stats.kstwo.sf, printed exactly; made by make_kstwo.py")
    print(f"# SciPy {scipy.__version__}, NumPy {np.__version__},"
          f" Python {platform.python_version()}")
    print("# tolerance: 1e-9 relative, and 1e-12 absolute where sf > 0.99; no seed")
    print("d,n,sf")
    for n in SIZES:
        for d in sorted({float(np.clip(d, 0.0, 1.0)) for d in statistics(n)}):
            sf = float(stats.kstwo.sf(d, n))
            if sf == 0.0 or sf >= SMALLEST:
                print(f"{d!r},{n},{sf!r}")


if __name__ == "__main__":
    main()
