"""Decisions on series without labels: events found and missed at the defaults, and false alarms against the rate asked for.

    ANOMALYST=target/release/anomalyst python3 benches/series_decisions.py DATA

DATA is a folder with `ts_univariate/nab` and `ts_multivariate/{skab,smd,asd}`. Needs numpy. NAB and SKAB are scanned file by file;
SMD is learned from its training part and scored on the other. An event is right where it overlaps a labelled stretch, a labelled
stretch is found where an event overlaps it. False alarms are counted on the later halves of normal parts, by models of the
earlier halves; with no times there, a day stands for 1,000 points.
"""

import csv
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ANOMALYST = os.environ.get("ANOMALYST", "target/release/anomalyst")


def run(*words):
    """What the command prints as JSON."""
    done = subprocess.run([ANOMALYST, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: {done.stderr}")
    return json.loads(done.stdout) if "--json" in words else None


def stretches(flags):
    """First and last index of each run of ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, dtype=int), [0]])))
    return [(first, end - 1) for first, end in edges.reshape(-1, 2)]


def overlaps(a, b):
    return a[0] <= b[1] and b[0] <= a[1]


class Tally:
    """Events and labelled stretches of one collection."""

    def __init__(self, name):
        self.name, self.series, self.right, self.events, self.found, self.labelled = name, 0, 0, 0, 0, 0

    def add(self, found, labelled):
        events = [(event["first"], event["last"]) for event in found["events"]]
        assert len(events) == found["n_events"] or len(events) >= 100, "all events are listed"
        self.series += 1
        self.events += len(events)
        self.labelled += len(labelled)
        self.right += sum(any(overlaps(event, label) for label in labelled) for event in events)
        self.found += sum(any(overlaps(event, label) for event in events) for label in labelled)

    def line(self):
        precision = self.right / self.events if self.events else float("nan")
        recall = self.found / self.labelled
        f1 = 2 * precision * recall / (precision + recall) if self.right else 0.0
        return (
            f"| {self.name} | {self.series} | {self.labelled} | {self.events} "
            f"| {precision:.2f} | {recall:.2f} | {f1:.2f} |"
        )


def nab(folder):
    tally = Tally("NAB, `scan`")
    windows = json.loads((folder / "combined_windows.json").read_text())
    for path in sorted(folder.glob("*/*.csv.gz")):
        with gzip.open(path, "rt") as lines:
            times = [row["timestamp"] for row in csv.DictReader(lines)]
        of_file = windows.get(f"{path.parent.name}/{path.name[:-3]}", [])
        inside = [[begin[:19] <= time <= end[:19] for time in times] for begin, end in of_file]
        labelled = [(flags.index(True), len(flags) - 1 - flags[::-1].index(True)) for flags in inside if any(flags)]
        tally.add(run("scan", path, "--as", "series", "--json", "--show", 10_000), labelled)
    return tally


def skab(folder):
    tally = Tally("SKAB, `scan`")
    for path in sorted(p for p in folder.rglob("*.csv*") if "free" not in str(p)):
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as lines:
            flags = [float(row["anomaly"]) > 0 for row in csv.DictReader(lines, delimiter=";")]
        ignore = ("--label", "anomaly", "--ignore", "changepoint")
        tally.add(run("scan", path, "--as", "series", *ignore, "--json", "--show", 10_000), stretches(flags))
    return tally


def write(path, values):
    names = ",".join(f"x{i}" for i in range(values.shape[1]))
    np.savetxt(path, values, delimiter=",", header=names, comments="", fmt="%.6g")


def smd(folder, work):
    tally = Tally("SMD, `fit` and `score`")
    for path in sorted(folder.glob("*.npz")):
        data = np.load(path)
        write(work / "train.csv", data["train"])
        write(work / "test.csv", data["test"])
        run("fit", work / "train.csv", "--as", "series", "--model", work / "m")
        found = run("score", work / "test.csv", "--model", work / "m", "--json", "--show", 10_000)
        tally.add(found, stretches(data["test_label"].ravel() > 0))
    return tally


def false_alarms(normal, work, asked):
    """Alarms on the later halves of `normal` parts, and how many were asked for."""
    alarms = expected = 0
    for values in normal:
        half = len(values) // 2
        write(work / "early.csv", values[:half])
        write(work / "late.csv", values[half:])
        rate = ("--false-alarms-per-day", asked)
        run("fit", work / "early.csv", "--as", "series", "--model", work / "m", *rate)
        alarms += run("score", work / "late.csv", "--model", work / "m", "--json", "--show", 1)["n_events"]
        expected += asked * (len(values) - half) / 1000
    return alarms, expected


def main(data):
    one, many = Path(data) / "ts_univariate", Path(data) / "ts_multivariate"
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        print("| collection | series | labelled stretches | events | precision | recall | F1 |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for tally in (nab(one / "nab"), skab(many / "skab"), smd(many / "smd", work)):
            print(tally.line(), flush=True)
        print("\n| normal parts | series | asked per 1,000 points | alarms | asked for | ratio |")
        print("| --- | --- | --- | --- | --- | --- |")
        parts = {
            "SMD": [np.load(path)["train"] for path in sorted(glob.glob(f"{many}/smd/*.npz"))],
            "ASD": [np.load(path)["train"] for path in sorted(glob.glob(f"{many}/asd/*.npz"))],
        }
        for name, normal in parts.items():
            for asked in (0.5, 1, 2):
                alarms, expected = false_alarms(normal, work, asked)
                print(f"| {name} | {len(normal)} | {asked} | {alarms} | {expected:.0f} | {alarms / expected:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
