"""Times River's drift detectors and ours on the same values, and compares their alarms.

    python sequential.py PATH/TO/bench_sequential FOLDER

River runs in this interpreter, over values that are in memory, in the plain loop of its own
documentation; best of five passes, in CPU time, which other work on the machine lengthens less than
the time on the wall. ns per value; `single` gives our detectors one value a call, as the daemon does
once a window, `blocks` many, as `driftd detect` does.
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
    for _ in range(5):
        detector, alarms = make(), 0
        begun = time.process_time()
        for x in values:
            detector.update(x)
            if detector.drift_detected:
                alarms += 1
        best = min(best, (time.process_time() - begun) / len(values) * 1e9)
    return best, alarms


def write(path, numbers):
    with open(path, "w") as file:
        file.writelines(f"{x!r}\n" for x in numbers)


def main(program, folder):
    print(f"{'detector':<14} {'values':<7} {'River ns':>9} {'single ns':>9} {'blocks ns':>9} "
          f"{'times':>6} {'alarms':>13}")
    for kind in ("normal", "errors"):
        text = subprocess.check_output([program, "values", kind, str(COUNT)], text=True)
        values = [int(x) if kind == "errors" else float(x) for x in text.split()]
        for count, wanted in ((KSWIN_COUNT, {"kswin"}), (COUNT, set(RIVER) | {"cusum", "ewma"})):
            path = f"{folder}/sequential-{kind}-{count}"
            write(path, values[:count])
            ours = subprocess.check_output([program, "run", path], text=True)
            for line in ours.splitlines():
                name, single, blocks, alarms = line.split()
                if name not in wanted or (name == "kswin" and count != KSWIN_COUNT):
                    continue
                river, theirs = (river_cost(RIVER[name], values[:count]) if name in RIVER
                                 else (None, None))
                if river is None:
                    print(f"{name:<14} {kind:<7} {'-':>9} {single:>9} {blocks:>9} {'-':>6} {alarms:>13}")
                    continue
                if theirs != int(alarms):
                    sys.exit(f"{name}: River fires {theirs} times, driftd {alarms}")
                print(f"{name:<14} {kind:<7} {river:9.0f} {single:>9} {blocks:>9} "
                      f"{river / float(blocks):6.0f} {alarms:>6} = {theirs}")


main(sys.argv[1], sys.argv[2])
