"""Times River's drift detectors and ours on the same values, and compares their alarms.

    python sequential.py PATH/TO/bench_sequential FOLDER

River runs in this interpreter, over values that are in memory, in the plain loop of its own
documentation; best of three passes. ns per value; `loop` is a loop over one detector in C++,
`called` through the table, as `driftd detect` and the daemon do it.
"""

import subprocess
import sys
import time

from river import drift

COUNT = 200_000
KSWIN_COUNT = 5_000  # River needs 0.1 ms a value for it
RIVER = {
    "adwin": drift.ADWIN,
    "page_hinkley": drift.PageHinkley,
    "kswin": lambda: drift.KSWIN(seed=1),
    "ddm": drift.binary.DDM,
    "eddm": drift.binary.EDDM,
    "hddm_a": drift.binary.HDDMA,
    "hddm_w": drift.binary.HDDMW,
}


def river_cost(make, values):
    best, alarms = float("inf"), 0
    for _ in range(3):
        detector, alarms = make(), 0
        begun = time.perf_counter()
        for x in values:
            detector.update(x)
            if detector.drift_detected:
                alarms += 1
        best = min(best, (time.perf_counter() - begun) / len(values) * 1e9)
    return best, alarms


def write(path, numbers):
    with open(path, "w") as file:
        file.writelines(f"{x!r}\n" for x in numbers)


def main(program, folder):
    print(f"{'detector':<14} {'values':<7} {'River ns':>9} {'loop ns':>8} {'called ns':>9} "
          f"{'times':>6} {'alarms':>13}")
    for kind in ("normal", "errors"):
        text = subprocess.check_output([program, "values", kind, str(COUNT)], text=True)
        values = [int(x) if kind == "errors" else float(x) for x in text.split()]
        for count, wanted in ((KSWIN_COUNT, {"kswin"}), (COUNT, set(RIVER) | {"cusum", "ewma"})):
            path = f"{folder}/sequential-{kind}-{count}"
            write(path, values[:count])
            ours = subprocess.check_output([program, "run", path], text=True)
            for line in ours.splitlines():
                name, loop, called, alarms = line.split()
                if name not in wanted or (name == "kswin" and count != KSWIN_COUNT):
                    continue
                river, theirs = (river_cost(RIVER[name], values[:count]) if name in RIVER
                                 else (None, None))
                if river is None:
                    print(f"{name:<14} {kind:<7} {'-':>9} {loop:>8} {called:>9} {'-':>6} {alarms:>13}")
                    continue
                if theirs != int(alarms):
                    sys.exit(f"{name}: River fires {theirs} times, driftd {alarms}")
                print(f"{name:<14} {kind:<7} {river:9.0f} {loop:>8} {called:>9} "
                      f"{river / float(called):6.0f} {alarms:>6} = {theirs}")


main(sys.argv[1], sys.argv[2])
