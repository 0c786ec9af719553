"""Detectors for tables beside PyOD, scikit-learn and isotree: same rows, same parameters, one thread each.

    python3 benches/peers/tables.py [CASE...]

Makes an environment in target/peers with the peers from PyPI, then measures both sides in turn, ROUNDS times, and prints
medians and their ratio, and how alike the scores of both sides are (Spearman's correlation on the rows scored). Ours is
`cargo bench -p anomalyst-detect --bench against_peers`, one process per measurement. A fit includes the scores of the
training rows, as PyOD's does.
"""

import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import venv

ROUNDS = 3
ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"], "1")
PEERS = ["pyod==3.6.7", "scikit-learn==1.9.1", "isotree==0.6.1", "numba"]
ROOT = pathlib.Path(__file__).resolve().parents[2]

# name: rows, columns, our method and parameters, the peer as an expression, the ratio that is asked for.
CASES = {
    "ecod": (100_000, 20, "ecod", "{}", "pyod.models.ecod.ECOD()", 10),
    "copod": (100_000, 20, "copod", "{}", "pyod.models.copod.COPOD()", 10),
    "hbos": (100_000, 20, "hbos", '{"n_bins": 10}', "pyod.models.hbos.HBOS(n_bins=10)", 10),
    "loda": (100_000, 20, "loda", '{"n_bins": 10}', "pyod.models.loda.LODA(n_bins=10)", 10),
    "pca": (100_000, 20, "pca", "{}", "pyod.models.pca.PCA()", 4),
    "mcd": (100_000, 20, "mcd", "{}", "pyod.models.mcd.MCD()", 5),
    "k_nearest_neighbors": (50_000, 10, "k_nearest_neighbors", '{"n_neighbors": 10}',
                            "pyod.models.knn.KNN(n_neighbors=10)", 10),
    "k_nearest_neighbors, wide": (20_000, 64, "k_nearest_neighbors", '{"n_neighbors": 10}',
                                  "pyod.models.knn.KNN(n_neighbors=10)", 2.5),
    "local_outlier_factor": (50_000, 10, "local_outlier_factor", '{"n_neighbors": 20}',
                             "pyod.models.lof.LOF(n_neighbors=20)", 10),
    "one_class_svm": (10_000, 20, "one_class_svm", '{"nu": 0.1, "tolerance": 0.001}',
                      "sklearn.svm.OneClassSVM(nu=0.1)", 1.5),
    "isolation_forest": (1_000_000, 10, "isolation_forest", '{"n_trees": 100, "sample_size": 256}',
                         "sklearn.ensemble.IsolationForest(n_estimators=100, max_samples=256, random_state=0)", 8),
    "isolation_forest, isotree": (1_000_000, 10, "isolation_forest", '{"n_trees": 100, "sample_size": 256}',
                                  "isotree.IsolationForest(ntrees=100, sample_size=256, ndim=1, nthreads=1)", 12),
}


def in_environment():
    """Starts anew under the environment's interpreter, with one thread for every library."""
    folder = ROOT / "target" / "peers"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    os.execve(python, [python, __file__, *sys.argv[1:]], {**os.environ, **ONE_THREAD, "ANOMALYST_PEERS": "1"})


def ours(file, rows, columns, method, params):
    """Fit and score seconds, and the scores of the same rows as if they were new."""
    import numpy as np

    out = file + ".scores"
    command = ["cargo", "bench", "--quiet", "-p", "anomalyst-detect", "--bench", "against_peers", "--",
               file, str(rows), str(columns), method, params, out]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1]), np.fromfile(out, np.float32)


# How each package scores rows, higher for odder ones.
SCORE = {
    "pyod": lambda model, x: model.decision_function(x),
    "sklearn": lambda model, x: -model.score_samples(x),
    "isotree": lambda model, x: model.predict(x),
}


def theirs(x, maker):
    """The same of the peer; fits outside PyOD are timed without the scores of the training rows."""
    module = maker.split("(")[0].rsplit(".", 1)[0]
    importlib.import_module(module)
    package = module.split(".")[0]
    model = eval(maker, {package: sys.modules[package]})
    begin = time.perf_counter()
    model.fit(x)
    fit = time.perf_counter() - begin
    begin = time.perf_counter()
    scores = SCORE[package](model, x)
    return fit, time.perf_counter() - begin, scores


def main():
    import numpy as np
    from scipy.stats import spearmanr

    wanted = sys.argv[1:] or list(CASES)
    print("| case | rows x columns | ours fit / score, s | peer fit / score, s | ratio fit / score | wanted | correlation |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in wanted:
        rows, columns, method, params, maker, ratio = CASES[case]
        x = np.random.default_rng(1).standard_normal((rows, columns)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/rows.f32"
            x.tofile(file)
            # The first round compiles what is compiled on first use.
            theirs(x[:1000].astype(float), maker)
            a, b = [], []
            for _ in range(ROUNDS):
                a.append(ours(file, rows, columns, method, params))
                b.append(theirs(x.astype(float), maker))
        us, them = ([float(np.median([run[i] for run in side])) for i in (0, 1)] for side in (a, b))
        alike = spearmanr(a[-1][2], b[-1][2]).statistic
        print(f"| {case} | {rows:,} x {columns} | {us[0]:.4f} / {us[1]:.4f} | {them[0]:.3f} / {them[1]:.3f} "
              f"| {them[0] / us[0]:.1f} / {them[1] / us[1]:.1f} | {ratio} | {alike:.4f} |", flush=True)


main() if os.environ.get("ANOMALYST_PEERS") else in_environment()
