"""Channels to blame against published causes: SMD and ASD name the channels of each labelled stretch.

    ANOMALYST=target/release/anomalyst python3 benches/series_causes.py DATA

DATA is a folder with `ts_multivariate/{smd,asd}`. Needs numpy. The training part is learned, the other scored, with one false alarm
per 1,000 points so that more stretches are found than by default. Of each event that overlaps labelled stretches, the channels
named for these are the true ones. Blame by chance is right as often as true channels are among all.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from series_decisions import overlaps, run, write


def published(path):
    """Labelled stretches, each with the names of its channels; lines read `first-last:1,2,3`, channels counted from 1."""
    for line in path.read_text().split():
        ends, channels = line.split(":")
        first, last = map(int, ends.split("-"))
        yield (first, last), {f"x{int(channel) - 1}" for channel in channels.split(",")}


def causes(folder, work):
    """For each event on a labelled stretch: whether the first blamed, the share of blamed, the first that left, and chance are right."""
    for path in sorted(folder.glob("*.npz")):
        truth = list(published(path.with_name(path.stem + ".interpretation.txt")))
        data = np.load(path)
        write(work / "train.csv", data["train"])
        write(work / "test.csv", data["test"])
        rate = ("--false-alarms-per-day", 1)
        run("fit", work / "train.csv", "--as", "series", "--model", work / "m", *rate)
        found = run("score", work / "test.csv", "--model", work / "m", "--json", "--show", 10_000)
        for event in found["events"]:
            on = [channels for span, channels in truth if overlaps((event["first"], event["last"]), span)]
            if not on:
                continue
            true = set.union(*on)
            blamed = [channel["channel"] for channel in event["channels"]]
            left = [d["channel"] for d in event.get("departures") or [] if d["left_relations"] or d["left_band"]]
            yield (
                blamed[0] in true,
                np.mean([channel in true for channel in blamed]),
                left[0] in true if left else np.nan,
                len(true) / data["train"].shape[1],
            )


def main(data):
    print("| collection | events | first to blame | all that are blamed | first to leave | chance |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as work:
        for name in ("smd", "asd"):
            rows = np.array(list(causes(Path(data) / "ts_multivariate" / name, Path(work))), dtype=float)
            shares = " | ".join(f"{share:.2f}" for share in np.nanmean(rows, axis=0))
            print(f"| {name.upper()} | {len(rows)} | {shares} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
