#!/usr/bin/env python3
"""Writes calibration.csv: what docs/false-alarms.md computes for a few made-up monitors.

Usage: calibration.py > calibration.csv   (Python's standard library only; seeds are in CASES)

It is written from that page and from docs/decisions/0006, and shares no code with detectors/.
Lines are `case,what,value`. tests/calibration_golden_test.cc makes the same input (generator
below), compares its own numbers with the file, and the file with what this script prints.
"""

import math
from statistics import NormalDist

NORMAL = NormalDist()
MASK = (1 << 64) - 1
HOUR = 3_600_000
SCALES = [1, 2, 4, 8, 16, 32, 64]
RHOS = [.3, .5, .6, .7, .75, .8, .85, .9, .93, .95, .97, .98, .99]
EMPTY = None


# --- The input, the same in the test -------------------------------------------------------------

class Random:
    """SplitMix64; a normal value is the sum of twelve uniform ones less six."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        x = self.state
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    def uniform(self):
        return (self.next() >> 11) * 2.0 ** -53

    def normal(self):
        total = 0.0
        for _ in range(12):
            total += self.uniform()
        return total - 6


# kind, level sd, rho, season, share
SERIES = [("location", .1, .8, .3, 0), ("spread", .02, .5, 0, 0), ("location", 0, 0, 0, 0),
          ("location", .3, .9, 0, 0), ("category", .02, .7, .1, .3), ("missing", 0, 0, 0, .01),
          ("unseen", 0, 0, 0, 0)]
# name, step, windows of history, live windows, anchored
CASES = [("hours", HOUR, 700, 160, False), ("days", 24 * HOUR, 90, 60, False),
         ("five days", HOUR, 120, 40, False), ("count", 0, 60, 40, False),
         ("anchored", HOUR, 168, 100, True), ("assumed", HOUR, 0, 100, True)]
ANCHORS = [(.02, 1.05, 5000), (1.01, 2.1, 5000), (0, .98, 5000), (.05, 1, 5000), (1500, 0, 5000),
           (40, 0, 5000), (0, 0, 5000)]


def is_share(kind):
    return kind in ("category", "missing", "unseen")


def make_window(randoms, levels, t, start, shifted):
    """Points (value, variance, n) of all series, or EMPTY where no event came."""
    n = 20 if t % 53 == 7 else 40 + t * 37 % 361
    hour = start // HOUR % 24
    points = []
    for i, (kind, sd, rho, season, share) in enumerate(SERIES):
        random = randoms[i]
        levels[i] = rho * levels[i] + math.sqrt(1 - rho * rho) * random.normal()
        level = sd * levels[i] + season * math.sin(2 * math.pi * hour / 24)
        noise = random.normal()
        wobble = .2 * (random.uniform() - .5)
        if kind == "location":
            level += .5 if shifted and i == 0 else 0
            points.append((level + noise / math.sqrt(n), 1 + wobble, n))
        elif kind == "spread":
            points.append((.98 + level + .47 * noise / math.sqrt(n), 2 + wobble, n))
        else:
            p = share * (1 + level) + (.05 if shifted and share > 0 else 0)
            count = math.floor(n * p + math.sqrt(max(0, n * p * (1 - p))) * noise + .5)
            points.append((min(max(count, 0), n), 0, n))
    return EMPTY if t % 97 == 13 else points


# --- Step 1: normal scores -----------------------------------------------------------------------

def density(q):
    return 0.0 if math.isinf(q) else math.exp(-q * q / 2) / math.sqrt(2 * math.pi)


def quantile(p):
    return -math.inf if p <= 0 else math.inf if p >= 1 else NORMAL.inv_cdf(p)


def score_points(reference, window):
    """(X, V, n) of location and of spread (with var(b)), value by value."""
    values = sorted(set(reference))
    m = len(reference)
    below = [sum(r < value for r in reference) / m for value in values]
    upto = [sum(r <= value for r in reference) / m for value in values]

    def scores(x):
        x = min(max(x, values[0]), values[-1])
        inside = max(j for j, value in enumerate(values) if value <= x)
        if values[inside] != x:
            q = quantile(upto[inside])
            return q, q * q
        p, share = below[inside], upto[inside] - below[inside]
        low, high = quantile(p), quantile(upto[inside])
        moment = [0 if math.isinf(q) else q * density(q) for q in (low, high)]
        return (density(low) - density(high)) / share, 1 + (moment[0] - moment[1]) / share

    pairs = [scores(x) for x in window]
    n = len(pairs)
    x = math.fsum(a for a, _ in pairs) / n
    v = math.fsum((a - x) ** 2 for a, _ in pairs) / n
    b = math.fsum(b for _, b in pairs) / n
    var_b = math.fsum((value - b) ** 2 for _, value in pairs) / n
    return (x, v, n), ((v * n / (n - 1)) ** (1 / 3), var_b, n)


# --- Steps 2 and 3: expected values and level noise ----------------------------------------------

def slot(level, hour):
    return (0, hour % 24, (hour % 24, hour >= 120), hour)[level]


def hour_of_week(start):
    return (start // HOUR + 72) % 168


def expected_table(x, w, hours, depth, out=range(0)):
    """P by hour of the week; windows whose weight is 0 or that are left out do not count."""
    used = [t for t in range(len(x)) if w[t] > 0 and t not in out]
    table = [0.0] * 168
    for level in range(depth + 1):
        groups = {}
        for t in used:
            groups.setdefault(slot(level, hours[t]), []).append(t)
        rest = {t: x[t] - table[hours[t]] for t in used}
        weight = {h: sum(w[t] for t in g) for h, g in groups.items()}
        mean = {h: sum(w[t] * rest[t] for t in g) / weight[h] for h, g in groups.items()}
        if level == 0:
            shrunk = mean
        else:
            freedom = len(used) - len(groups)
            if len(groups) < 2 or freedom <= 0:
                continue
            square = sum(w[t] * (rest[t] - mean[h]) ** 2 for h, g in groups.items() for t in g)
            square /= freedom
            if square <= 0:
                continue
            big = {h: weight[h] / square for h in groups}
            total = sum(big.values())
            between = sum(big[h] * mean[h] ** 2 for h in groups) - (len(groups) - 1)
            between /= total - sum(b * b for b in big.values()) / total
            if between <= 0:
                continue
            shrunk = {h: mean[h] * between / (between + 1 / big[h]) for h in groups}
        for hour in range(168):
            table[hour] += shrunk.get(slot(level, hour), 0)
    overall = sum(w[t] * x[t] for t in used) / sum(w[t] for t in used) if used else 0
    return table, overall


def fit_levels(x, n, hours, v, depth, share):
    lam2 = 0
    count = len(x)
    clip = (lambda p: min(max(p, 1e-6), 1 - 1e-6)) if share else (lambda p: p)
    for _ in range(2):
        w = [1 / (lam2 + v / n[t]) if n[t] else 0 for t in range(count)]
        cross = [0.0] * count
        for block in range(10):
            out = range(block * count // 10, (block + 1) * count // 10)
            table = expected_table(x, w, hours, depth, out)[0]
            for t in out:
                cross[t] = clip(table[hours[t]])
        live, overall = expected_table(x, w, hours, depth)
        used = [t for t in range(count) if n[t]]
        lam2 = max(0, sum(w[t] ** 2 * ((x[t] - cross[t]) ** 2 - v / n[t]) for t in used)
                   / sum(w[t] ** 2 for t in used))
    z = [(x[t] - cross[t]) / math.sqrt(lam2 + v / n[t]) if n[t] else None for t in range(count)]
    return [clip(p) for p in live], overall, cross, lam2, z


# --- Step 4: memory ------------------------------------------------------------------------------

def fit_memory(z, most):
    there = [value for value in z if value is not None]
    lags = min(24, len(there) // 8)
    power = sum(value * value for value in there) / len(there)
    r = []
    for k in range(1, lags + 1):
        pairs = [z[t] * z[t - k] for t in range(k, len(z)) if z[t] is not None
                 and z[t - k] is not None]
        r.append(sum(pairs) / len(pairs) / power if pairs else 0)
    best = (sum(value * value for value in r), 0, 0)
    start = best[0]
    for rho in RHOS:
        powers = [rho ** k for k in range(1, lags + 1)]
        kappa = sum(a * b for a, b in zip(r, powers)) / sum(b * b for b in powers)
        kappa = min(max(kappa, 0), most)
        left = sum((a - kappa * b) ** 2 for a, b in zip(r, powers))
        if left < best[0] - 1e-15:
            best = (left, kappa, rho)
    gain = len(there) * (start - best[0])
    kappa = best[1] * max(0, 1 - 2 / gain) if gain > 0 else 0
    return (kappa, best[2]) if kappa > 0 else (0, 0)


def steady(kappa, rho):
    """K and S, by running the Riccati equation until it rests."""
    noise = 1 - kappa
    p = kappa
    for _ in range(100_000):
        after = rho * rho * p * noise / (p + noise) + kappa * (1 - rho * rho)
        if abs(after - p) < 1e-17:
            break
        p = after
    return p / (p + noise), p + noise


def whiten(z, rho, gain, variance):
    a = 0
    eps = []
    for value in z:
        if value is None:
            eps.append(0)
            a *= rho
            continue
        eps.append((value - a) / math.sqrt(variance))
        a = rho * (a + gain * (value - a))
    return eps


# --- Step 5: the scan ----------------------------------------------------------------------------

class Series:
    """One series' model, and Z of any stretch of windows that ends at one of them."""

    def finish(self):
        self.d = whiten([1] * 64, self.rho, self.gain, self.variance)
        anchored = 0
        if self.rows:
            anchored = self.v / self.rows / (self.lam2 + self.v / self.n_mean)
        self.scales = [w for w in SCALES if self.windows == 0 or w <= self.windows / 10]
        self.norm = {}
        for w in self.scales:
            part = self.d[:w]
            if is_share(self.kind):
                g = 1 + 2 * sum((1 - k / w) * self.rho ** k for k in range(1, w))
                error = anchored
                if self.windows:
                    error += (1 + 2 * self.kappa * self.rho / (1 - self.rho)) / self.windows
                inside = 1 + self.kappa * (g - 1) + w * error
                self.norm[w] = math.sqrt((1 + self.lam2 * self.n_mean / self.v) * inside)
            else:
                error = anchored * self.d[63] ** 2 + (1 / self.windows if self.windows else 0)
                self.norm[w] = math.sqrt(sum(d * d for d in part) + sum(part) ** 2 * error)

    def corrected(self, z, w):
        if not self.windows:
            return z
        nu = self.windows / (1 + 2 * self.kappa ** 2 * (1 + self.rho) / (1 - self.rho) * (1 - 1 / w))
        return math.copysign(math.sqrt(nu * math.log(1 + z * z / nu)) * (1 - 3 / (4 * nu)), z)

    def scan(self, eps, counts, n, expected, t, w):
        """Z_w at window t; windows before the first say nothing."""
        first = t - w + 1
        if not is_share(self.kind):
            total = sum(d * eps[first + j] for j, d in enumerate(self.d[:w]) if first + j >= 0)
            return self.corrected(total / self.norm[w], w)
        window = range(max(0, first), t + 1)
        c = sum(counts[k] for k in window)
        m = sum(n[k] for k in window)
        e = sum(n[k] * expected[k] for k in window)
        other = m - c
        if c == 0:
            c = min(.25, e)
            other = m - c
        elif other == 0:
            other = min(.25, m - e)
            c = m - other
        z = math.sqrt(max(0, 2 * (c * math.log(c / e) + other * math.log(other / (m - e)))))
        return self.corrected(math.copysign(z, c - e) / self.norm[w], w)


# --- Steps 2 to 7 --------------------------------------------------------------------------------

def threshold(maxima, looks, budget):
    short = maxima and budget * len(maxima) < .2
    tail = (budget / 2 if short else budget) / (2 * looks)
    u = NORMAL.inv_cdf(1 - tail)
    for _ in range(50):  # Newton, because 1 - p has lost digits
        u -= (tail - math.erfc(u / math.sqrt(2)) / 2) / density(u)
    theory = u * u / 2
    result = {"theory": theory, "tail": 0, "low": 0, "slope": 0, "episodes": 0, "value": theory}
    if not maxima:
        return result
    allowed = budget * len(maxima)
    wanted = max(5, min(15, len(maxima) // 24), math.ceil(allowed))
    for low in sorted(maxima, reverse=True):
        if low <= 0:
            return result
        peaks, last = [], None
        for t, y in enumerate(maxima):
            if y >= low:
                if last is None or t - last >= 13:
                    peaks.append(y)
                peaks[-1] = max(peaks[-1], y)
                last = t
        if len(peaks) < wanted:
            continue
        r = len(peaks)
        slope = sum(peak - low for peak in peaks) / (r - 1)
        tail = low + slope * (r - 1) * ((r / allowed) ** (1 / (r - 1)) - 1)
        return {"theory": theory, "tail": tail, "low": low, "slope": slope, "episodes": r,
                "value": tail + max(0, theory - tail) / 2}
    return result


def deepest(windows, step):
    length = windows * step
    return sum(length >= days * 24 * HOUR for days in (4, 14, 21))


def fit(history, starts, step, budget, anchors):
    hours = [hour_of_week(start) if step else 0 for start in starts]
    data = []
    usable = set()
    for i, (kind, *_) in enumerate(SERIES):
        one = Series()
        one.kind, one.rows, one.assumed = kind, 0, False
        n = [w[i][2] if w is not EMPTY and w[i][2] >= 30 else 0 for w in history]
        there = [t for t in range(len(n)) if n[t]]
        usable |= set(there)
        value = [history[t][i][0] if n[t] else 0 for t in range(len(n))]
        one.windows = len(there)
        one.n_mean = sum(n) / len(there)
        if is_share(kind):
            x = [value[t] / n[t] if n[t] else 0 for t in range(len(n))]
            v = sum(n[t] * x[t] * (1 - x[t]) for t in there) / sum(n)
            one.varies = v > 0
        else:
            x = value
            v = sum(n[t] * history[t][i][1] for t in there) / sum(n)
            if kind == "spread":
                v /= 9 * (sum(x[t] ** 3 for t in there) / len(there)) ** (4 / 3)
            one.varies = True
        one.v = max(v, 1e-6 * (1 - 1e-6))
        data.append((one, n, value, x))
    depth = deepest(len(usable), step)
    scales = [w for w in SCALES if w <= len(usable) / 10]
    for position, (one, n, value, x) in enumerate(data):
        one.expected, one.mean, cross, one.lam2, z = fit_levels(x, n, hours, one.v, depth,
                                                                is_share(one.kind))
        one.kappa, one.rho = fit_memory(z, one.lam2 / (one.lam2 + one.v / one.n_mean))
        one.gain, one.variance = steady(one.kappa, one.rho)
        eps = whiten(z, one.rho, one.gain, one.variance)
        one.variance *= sum(e * e for e in eps) / one.windows
        one.finish()
        data[position] = (one, n, value, x, cross, whiten(z, one.rho, one.gain, one.variance))

    count = len(history)
    maxima = [0.0] * count
    squares = {}
    locations = sum(one.kind == "location" for one, *_ in data)
    for w in scales:
        found = {}
        for i, (one, n, value, x, cross, eps) in enumerate(data):
            if w in one.scales:
                for t in range(w - 1, count):
                    if n[t]:
                        found[i, t] = one.scan(eps, value, n, cross, t, w)
        own = [z * z for (i, _), z in found.items() if not is_share(data[i][0].kind)]
        seen = min(1, math.sqrt(sum(own) / len(own))) if own else 1
        by_window = {}
        for (i, t), z in found.items():
            z /= seen
            maxima[t] = max(maxima[t], z * z / 2)
            if data[i][0].kind == "location":
                by_window.setdefault(t, []).append(z * z)
        squares[w] = {t: sum(v) / len(v) for t, v in by_window.items() if len(v) == locations}
    c = {w: sum(values.values()) / len(values) for w, values in squares.items() if len(values) > 1}
    variances = [sum((a / c[w] - 1) ** 2 for a in squares[w].values()) / len(squares[w])
                 for w in (1, 2) if w in c]
    together = {"c": c, "F": 2 / (sum(variances) / len(variances)), "locations": locations}
    for w in c:
        for t, a in squares[w].items():
            z = deviate(together, a, w)
            if z > 0:
                maxima[t] = max(maxima[t], z * z / 2)
    series = [entry[0] for entry in data]
    looks = sum(one.varies for one in series) * (1 + .7 * (len(scales) - 1))
    limit = threshold(maxima, looks, budget)
    for i, anchor in enumerate(anchors or []):
        one, n, x = series[i], data[i][1], data[i][3]
        own = one.mean
        if one.kind == "spread":
            # The variance of all rows of the history, whatever window they are in.
            place = data[i - 1][3]
            middle = sum(a * b for a, b in zip(n, place)) / sum(n)
            within = sum((n[t] - 1) * x[t] ** 3 for t in range(count) if n[t])
            between = sum(n[t] * (place[t] - middle) ** 2 for t in range(count))
            own = ((within + between) / (sum(n) - 1)) ** (1 / 3)
        by = (anchor[0] / anchor[2] if is_share(one.kind) else anchor[0]) - own
        one.expected = [p + by for p in one.expected]
        if is_share(one.kind):
            one.expected = [min(max(p, 1e-6), 1 - 1e-6) for p in one.expected]
        one.rows = anchor[2]
        one.finish()
    return series, together, limit, looks


def deviate(together, a, w):
    part = 2 / (9 * together["F"])
    return ((a / together["c"][w]) ** (1 / 3) - 1 + part) / math.sqrt(part)


def assume(anchors, events, budget):
    series = []
    for (kind, *_), (value, variance, rows) in zip(SERIES, anchors):
        one = Series()
        one.kind, one.rows, one.windows, one.n_mean, one.assumed = kind, rows, 0, events, True
        one.varies = True
        sd = .1
        if is_share(kind):
            share = value / rows
            one.varies = 0 < share < 1
            value = min(max(share, 1e-6), 1 - 1e-6)
            one.v = max(share * (1 - share), 1e-6 * (1 - 1e-6))
            sd = .1 * math.sqrt(one.v)
        elif kind == "spread":
            one.v = variance / (9 * (value ** 3) ** (4 / 3))
            sd = .04
        else:
            one.v = variance
        one.mean = value
        one.expected = [value] * 168
        one.lam2 = sd * sd
        one.kappa, one.rho = one.lam2 / (one.lam2 + one.v / events), .8
        one.gain, one.variance = steady(one.kappa, one.rho)
        one.finish()
        series.append(one)
    looks = sum(one.varies for one in series) * (1 + .7 * 6)
    return series, None, threshold([], looks, budget), looks


# --- Step 8: live traffic ------------------------------------------------------------------------

def least_effect(one, w):
    least = .01 if is_share(one.kind) else .05
    if not one.assumed:
        return least
    unit = .4 if one.kind == "spread" else math.sqrt(one.v) if is_share(one.kind) else 1
    return max(least, unit * (1 if w < 24 else .5))


def live(model, windows, starts, step):
    """One row a window: (alerting, drifting, Z_all, [(z, w, effect, significant) or None])."""
    series, together, limit, looks = model
    height = math.sqrt(2 * limit["value"])
    ready = []
    for i, one in enumerate(series):
        n = [w[i][2] if w is not EMPTY and w[i][2] >= 30 else 0 for w in windows]
        value = [windows[t][i][0] if n[t] else 0 for t in range(len(n))]
        x = [(value[t] / n[t] if is_share(one.kind) else value[t]) if n[t] else 0
             for t in range(len(n))]
        p = [one.expected[hour_of_week(start) if step else 0] for start in starts]
        z = [(x[t] - p[t]) / math.sqrt(one.lam2 + one.v / n[t]) if n[t] else None
             for t in range(len(n))]
        ready.append((one, n, value, x, p, whiten(z, one.rho, one.gain, one.variance)))
    rows = []
    on, quiet = False, 0
    for t in range(len(windows)):
        verdicts, squares, effects = [], {}, {}
        for one, n, value, x, p, eps in ready:
            if not n[t]:
                verdicts.append(None)
                continue
            found = []
            for w in one.scales:
                z = one.scan(eps, value, n, p, t, w)
                window = [k for k in range(max(0, t - w + 1), t + 1) if n[k]]
                if is_share(one.kind):
                    m = sum(n[k] for k in window)
                    effect = sum(value[k] - n[k] * p[k] for k in window) / m
                else:
                    effect = sum(x[k] - p[k] for k in window) / len(window)
                if one.kind == "location":
                    squares.setdefault(w, []).append(z * z)
                    effects.setdefault(w, []).append(effect * effect)
                significant = abs(z) > height and abs(effect) >= least_effect(one, w)
                found.append((significant, abs(z), -w, z, effect))
            significant, _, w, z, effect = max(found)
            verdicts.append((z, min(-w, t + 1), effect, significant))
        all_z, all_drifts = None, False
        if together and sum(len(v) for v in squares.values()) and all(
                len(v) == together["locations"] for v in squares.values()):
            found = []
            for w in together["c"]:
                z = deviate(together, sum(squares[w]) / len(squares[w]), w)
                effect = math.sqrt(sum(effects[w]) / len(effects[w]))
                found.append((z > height and effect >= .05, z))
            all_drifts, all_z = max(found)
        judged = any(v is not None for v in verdicts)
        drifting = any(v is not None and v[3] for v in verdicts) or all_drifts
        if drifting:
            on, quiet = True, 0
        elif judged and on:
            quiet += 1
            if quiet == 12:
                on = False
        rows.append((on, drifting, all_z, verdicts))
    return rows


def main():
    print("# calibration.py: case, what, value; tolerance 1e-9 relative, 1e-10 near zero")
    reference = [0, 0, 1, 2, 2, 2, 3.5, 4, 4, 9]
    for i, window in enumerate([[0, 1, 2, 3, 4], [2, 2, 2.5, -7, 30, 9, 3.5], [1] * 4]):
        for name, point in zip(("location", "spread"), score_points(reference, window)):
            for field, number in zip(("value", "variance"), point):
                print(f"scores,{i} {name} {field},{number!r}")
    for number, (name, step, history, lived, anchored) in enumerate(CASES):
        randoms = [Random(1000 * number + i) for i in range(len(SERIES))]
        levels = [0.0] * len(SERIES)
        stride = step or HOUR
        first = 1_609_718_400_000
        starts = [first + t * stride for t in range(history + lived)]
        windows = [make_window(randoms, levels, t, starts[t], t >= history + lived // 2)
                   for t in range(history + lived)]
        if step == 0:  # windows by count are never empty, and no place is kept for one
            kept = [t for t in range(len(windows)) if windows[t] is not EMPTY]
            history = sum(t < history for t in kept)
            windows, starts = [windows[t] for t in kept], [starts[t] for t in kept]
        budget = (step or HOUR) / (30 * 24 * HOUR)
        if history:
            model = fit(windows[:history], starts[:history], step, budget,
                        ANCHORS if anchored else None)
        else:
            model = assume(ANCHORS, 200, budget)
        series, together, limit, _ = model
        for i, one in enumerate(series):
            numbers = {"v": one.v, "lam2": one.lam2, "kappa": one.kappa, "rho": one.rho,
                       "K": one.gain, "S": one.variance, "n_mean": one.n_mean,
                       "P0": one.expected[0], "P30": one.expected[30], "P130": one.expected[130],
                       "d64": one.d[63]}
            for what, value in numbers.items():
                print(f"{name},{i} {what},{float(value)!r}")
        for what, value in limit.items():
            print(f"{name},threshold {what},{float(value)!r}")
        if together:
            print(f"{name},F,{together['F']!r}")
            for w, value in together["c"].items():
                print(f"{name},c{w},{value!r}")
        for t, (on, drifting, all_z, verdicts) in enumerate(
                live(model, windows[history:], starts[history:], step)):
            if windows[history + t] is EMPTY:
                continue
            print(f"{name},{t} alerting,{float(on)!r}")
            print(f"{name},{t} drifting,{float(drifting)!r}")
            if all_z is not None:
                print(f"{name},{t} all,{all_z!r}")
            if t % 8:
                continue
            for i, verdict in enumerate(verdicts):
                if verdict is not None:
                    for what, value in zip(("z", "w", "effect", "significant"), verdict):
                        print(f"{name},{t} {i} {what},{float(value)!r}")


if __name__ == "__main__":
    main()
