"""The same statistics as bench/detectors.cc on the same sizes, by SciPy and NumPy: a name and
microseconds a line. Raw samples in, as a batch job has them."""

import time

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

ROWS = 10_000
random = np.random.default_rng(1)
a = random.normal(size=ROWS)
b = random.normal(0.1, size=ROWS)


def bins():
    edges = np.unique(np.quantile(a, np.linspace(0.1, 0.9, 9)))
    return (np.bincount(np.searchsorted(edges, x, side="left"), minlength=10) for x in (a, b))


def shares():
    p, q = bins()
    return p / ROWS, q / ROWS


def psi():
    p, q = (np.maximum(x, 1e-4) for x in shares())
    return np.sum((q - p) * np.log(q / p))


def hellinger():
    p, q = shares()
    return np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2)


CASES = {
    "ks": lambda: stats.ks_2samp(a, b, method="asymp"),
    "psi": psi,
    "js": lambda: jensenshannon(*shares(), base=2),
    "hellinger": hellinger,
    "tv": lambda: np.abs(np.subtract(*shares())).sum() / 2,
    "linf": lambda: np.abs(np.subtract(*shares())).max(),
    "wasserstein": lambda: stats.wasserstein_distance(a, b) / a.std(),
    "cvm": lambda: stats.cramervonmises_2samp(a, b, method="asymptotic"),
    "anderson_darling": lambda: stats.anderson_ksamp([a, b], variant="midrank"),
    "mann_whitney": lambda: stats.mannwhitneyu(a, b, method="asymptotic"),
    "mean_shift": lambda: stats.ttest_ind(b, a, equal_var=False),
    "variance_shift": lambda: stats.levene(a, b, center="median"),
    "chi2": lambda: stats.chi2_contingency(np.array(list(bins())), correction=False),
    "g_test": lambda: stats.chi2_contingency(
        np.array(list(bins())), correction=False, lambda_="log-likelihood"
    ),
}

if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    for name, case in CASES.items():
        least = float("inf")
        begun = time.perf_counter()
        while time.perf_counter() - begun < 0.3:
            start = time.perf_counter()
            case()
            least = min(least, time.perf_counter() - start)
        print(f"{name} {1e6 * least:.1f} us")
