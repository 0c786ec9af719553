"""The matrix profile beside stumpy's: same series, same window, two threads each.

    python3 benches/peers/matrix_profile.py [POINTS LENGTH]...

Makes an environment in target/peers-series with stumpy from PyPI, then measures both sides in turn, ROUNDS times, and prints
medians, their ratio and the largest difference of a distance. Ours is `cargo bench -p anomalyst-kernels --bench
matrix_profile`, which is a median of three itself.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import venv

ROUNDS = 3
THREADS = 2
ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = [(1 << 14, 100), (1 << 16, 100), (1 << 16, 1000)]


def in_environment():
    """Starts anew under the environment's interpreter."""
    folder = ROOT / "target" / "peers-series"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "stumpy==1.14.1"], check=True)
    os.execve(python, [python, __file__, *sys.argv[1:]],
              {**os.environ, "NUMBA_NUM_THREADS": str(THREADS), "ANOMALYST_PEERS": "1"})


def ours(points, length):
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        given, found = pathlib.Path(folder, "points"), pathlib.Path(folder, "distances")
        points.astype("<f8").tofile(given)
        command = ["cargo", "bench", "--quiet", "-p", "anomalyst-kernels", "--bench", "matrix_profile", "--",
                   str(len(points)), str(length), "1", str(THREADS), str(given), str(found)]
        lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
        return float(lines[-1].split(":")[1].split()[0]), np.fromfile(found, "<f8")


def main():
    import numpy as np
    import stumpy

    numbers = [int(argument) for argument in sys.argv[1:]]
    stumpy.stump(np.random.default_rng(0).normal(size=1000), 50)  # compiles
    print("points length: ours_secs stumpy_secs ratio largest_difference")
    for n, length in list(zip(numbers[::2], numbers[1::2])) or CASES:
        points = np.cumsum(np.random.default_rng(n).normal(size=n))
        times, peers = [], []
        for _ in range(ROUNDS):
            secs, distances = ours(points, length)
            times.append(secs)
            begin = time.perf_counter()
            wanted = stumpy.stump(points, length)[:, 0].astype(float)
            peers.append(time.perf_counter() - begin)
        mine, theirs = float(np.median(times)), float(np.median(peers))
        print(f"{n} {length}: {mine:.4f} {theirs:.4f} {theirs / mine:.1f} {np.abs(distances - wanted).max():.2e}", flush=True)


if __name__ == "__main__":
    main() if "ANOMALYST_PEERS" in os.environ else in_environment()
