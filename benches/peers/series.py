"""Methods of series beside statsmodels and the classes of TSB-AD: same series, one thread each.

    python3 benches/peers/series.py [CASE...]

Makes an environment in target/peers-of-series with both from PyPI, then measures both sides in turn, ROUNDS times, and prints
medians and their ratio. Ours is the stage "fit and score" of the release build's `scan`, which encodes, fits and scores; the peer's is
its fit, with TSB-AD the windows and the scores of points included. TSB-AD's classical methods import PyTorch for nothing: empty modules
stand in for it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import types
import venv

ROUNDS = 3
ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
PEERS = ["statsmodels==0.15.0", "scikit-learn", "hurst", "tqdm"]
ROOT = pathlib.Path(__file__).resolve().parents[2]

# name: points, channels, our words, the peer as an expression of x, and of x0, the first channel.
CASES = {
    "STL, robust, period 288": (
        20_000, 1, ["stl_residual", "--set", "period=288"], "tsa.STL(x0, period=288, robust=True).fit()"),
    "MSTL, periods 24 and 168": (
        20_000, 1, ["stl_residual", "--set", "periods=[24,168]", "--set", "robust=false"],
        "MSTL(x0, periods=(24, 168)).fit()"),
    "Holt-Winters, period 24": (
        10_000, 1, ["holt_winters", "--set", "period=24"],
        "tsa.ExponentialSmoothing(x0, trend='add', seasonal='add', seasonal_periods=24).fit()"),
    "autoregression, orders up to 24": (
        100_000, 1, ["autoregressive", "--set", "max_order=24"], "ar_select_order(x0, maxlag=24, ic='bic').model.fit()"),
    "vector autoregression, orders up to 4": (
        20_000, 38, ["vector_autoregression", "--set", "max_order=4"], "tsa.VAR(x).fit(maxlags=4, ic='bic')"),
    "TSB-AD's Sub_PCA, window 100": (
        20_000, 1, ["sub_pca", "--set", "encoder.length=100"], "tsb('PCA')(slidingWindow=100).fit(x)"),
    "TSB-AD's Sub_KNN, window 100": (
        20_000, 1, ["sub_knn", "--set", "encoder.length=100"], "tsb('KNN')(slidingWindow=100, n_neighbors=10).fit(x)"),
    "TSB-AD's IForest, window 100": (
        20_000, 1, ["isolation_forest", "--set", "encoder.length=100"], "tsb('IForest')(slidingWindow=100).fit(x)"),
    "TSB-AD's KMeansAD_U, window 100": (
        20_000, 1, ["kmeans_ad", "--set", "encoder.length=100"],
        "tsb('KMeansAD')(k=10, window_size=100, stride=1, n_jobs=1).fit_predict(x)"),
    "TSB-AD's POLY, window 100": (
        20_000, 1, ["polynomial", "--set", "window_len=100"], "tsb('POLY')(power=3, window=100).fit(x)"),
    "TSB-AD's SR, window 100": (20_000, 1, ["spectral_residual"], "tsb('SR')(x, window_size=100)"),
}


def in_environment():
    """Starts anew under the environment's interpreter, with one thread for every library."""
    folder = ROOT / "target" / "peers-of-series"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, *PEERS], check=True)
        subprocess.run([*install, "--no-deps", "TSB-AD==1.5"], check=True)
    os.execve(python, [python, __file__, *sys.argv[1:]], {**os.environ, **ONE_THREAD, "ANOMALYST_PEERS": "1"})


def series(points, channels):
    """Daily and weekly waves with noise, another phase in each channel."""
    import numpy as np

    random = np.random.default_rng(points)
    at, phase = np.arange(points)[:, None], random.uniform(0, 6, channels)
    waves = np.sin(at * 2 * np.pi / 24 + phase) + 0.5 * np.sin(at * 2 * np.pi / 168 + phase)
    return waves + np.cumsum(random.normal(0, 0.01, (points, channels)), 0) + random.normal(0, 0.2, (points, channels))


def tsb(name):
    """A class or function of TSB-AD."""
    return getattr(__import__(f"TSB_AD.models.{name}", fromlist=[name]), name)


class Empty(types.ModuleType):
    """A module in which every name is a class of no use."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def without_torch():
    for name in ("", ".nn", ".nn.functional", ".nn.utils", ".optim", ".optim.lr_scheduler", ".utils", ".utils.data", ".fft"):
        sys.modules[f"torch{name}"] = Empty(f"torch{name}")
    for name in ("torchinfo", "transformers", "einops"):
        sys.modules[name] = Empty(name)


def ours(file, words):
    command = [os.environ.get("ANOMALYST", ROOT / "target" / "release" / "anomalyst"), "scan", file, "--as", "series",
               "--threads", "1", "--json", "--method", *words]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return next(stage["secs"] for stage in found["timing"] if stage["stage"] == "fit and score")


def main():
    import contextlib
    import io
    import warnings

    without_torch()

    import numpy as np
    import statsmodels.tsa.api as tsa
    from statsmodels.tsa.ar_model import ar_select_order
    from statsmodels.tsa.seasonal import MSTL

    warnings.simplefilter("ignore")
    print("| case | points x channels | ours, s | peer, s | ratio |\n| --- | --- | --- | --- | --- |")
    for name in sys.argv[1:] or CASES:
        points, channels, words, peer = CASES[name]
        x = series(points, channels)
        known = {"x": x, "x0": x[:, 0].copy(), "tsa": tsa, "MSTL": MSTL, "tsb": tsb, "ar_select_order": ar_select_order}
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "x.csv")
            np.savetxt(file, x, delimiter=",", header=",".join(f"x{i}" for i in range(channels)), comments="")
            times, peers = [], []
            for _ in range(ROUNDS):
                times.append(ours(file, words))
                begin = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):
                    eval(peer, known)
                peers.append(time.perf_counter() - begin)
        a, b = np.median(times), np.median(peers)
        print(f"| {name} | {points:,} x {channels} | {a:.3f} | {b:.3f} | {b / a:.1f} |", flush=True)


if __name__ == "__main__":
    main() if "ANOMALYST_PEERS" in os.environ else in_environment()
