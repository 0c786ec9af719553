"""AUPRO and AUPIMO of 500 score maps of 256 x 256 beside anomalib, on one thread each.

    python3 benches/peers/maps.py

Makes an environment in target/peers-maps with anomalib from PyPI (some 6 GB, for it brings torch). Both sides measure
what is in memory; ours is `cargo bench -p anomalyst-measure --bench maps`. Medians of three rounds in turn.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
N_MAPS, SIDE, ROUNDS = 500, 256, 3


def in_environment():
    """Starts anew under the environment's interpreter."""
    folder = ROOT / "target" / "peers-maps"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "anomalib==2.7.0"], check=True)
    os.execve(python, [python, __file__], {**os.environ, "ANOMALYST_PEERS": "1"})


def made():
    """Smooth noise, with one or two defects in every second map that stand out by one to four deviations."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(0)
    maps = random.standard_normal((N_MAPS, SIDE, SIDE)).astype(np.float32)
    masks = np.zeros(maps.shape, np.uint8)
    for i in range(N_MAPS):
        maps[i] = gaussian_filter(maps[i], 2)
        maps[i] /= maps[i].std()
        for _ in range(i % 2 * random.integers(1, 3)):
            top, left = random.integers(0, SIDE - 40, 2)
            high, wide = random.integers(5, 40, 2)
            masks[i, top:top + high, left:left + wide] = 1
            maps[i, top:top + high, left:left + wide] += random.uniform(1, 4)
    return (maps - maps.min()) / (maps.max() - maps.min()), masks


def ours(folder, metric):
    """Seconds and value."""
    command = ["cargo", "bench", "--quiet", "-p", "anomalyst-measure", "--bench", "maps", "--",
               f"{folder}/maps", f"{folder}/masks", str(SIDE), metric]
    secs, value = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return float(secs), float(value)


def theirs(metric, maps, masks):
    """The same of anomalib."""
    import torch
    from anomalib.metrics.aupro import _AUPRO
    from anomalib.metrics.pimo.pimo import _AUPIMO

    torch.set_num_threads(1)
    judge = _AUPRO(fpr_limit=0.3) if metric == "aupro" else _AUPIMO(return_average=True)
    begin = time.perf_counter()
    judge.update(torch.tensor(maps), torch.tensor(masks).to(torch.int64))
    value = judge.compute()
    return time.perf_counter() - begin, float(value)


def main():
    import numpy as np

    maps, masks = made()
    print("| metric | ours, s | anomalib, s | ratio | values |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        maps.tofile(f"{folder}/maps")
        masks.tofile(f"{folder}/masks")
        for metric in ["aupro", "aupimo"]:
            a, b = [], []
            for _ in range(ROUNDS):
                a.append(ours(folder, metric))
                b.append(theirs(metric, maps, masks))
            us, them = (float(np.median([secs for secs, _ in side])) for side in (a, b))
            print(f"| {metric} | {us:.2f} | {them:.2f} | {them / us:.1f} | {a[0][1]:.5f}, {b[0][1]:.5f} |", flush=True)


main() if os.environ.get("ANOMALYST_PEERS") else in_environment()
