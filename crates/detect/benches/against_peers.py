"""Fit and score times of PyOD and scikit-learn on 100,000 x 20 Gaussian numbers, all cores where a method has a choice.

    python against_peers.py [METHOD...]

Prints `method fit_secs score_secs`, medians of three, to stand beside `cargo bench --bench against_peers` in one run
on one machine. A fit of PyOD includes the scores of the training rows.
"""
import statistics
import sys
import time

import numpy as np
from pyod.models.ecod import ECOD
from pyod.models.gmm import GMM
from pyod.models.hbos import HBOS
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.lof import LOF
from pyod.models.pca import PCA

X = np.random.default_rng(1).standard_normal((100_000, 20))
METHODS = {
    "ecod": lambda: ECOD(n_jobs=1),
    "hbos": lambda: HBOS(n_bins=10),
    "k_nearest_neighbors": lambda: KNN(n_neighbors=5, n_jobs=-1),
    "local_outlier_factor": lambda: LOF(n_neighbors=20, n_jobs=-1),
    "isolation_forest": lambda: IForest(n_estimators=100, max_samples=256, n_jobs=-1),
    "pca": lambda: PCA(),
    "gaussian_mixture_1": lambda: GMM(n_components=1),
    "gaussian_mixture_2": lambda: GMM(n_components=2),
}


def measure(make, repeats):
    fit, score = [], []
    for _ in range(repeats):
        model = make()
        begin = time.perf_counter()
        model.fit(X)
        fit.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        model.decision_function(X)
        score.append(time.perf_counter() - begin)
    return statistics.median(fit), statistics.median(score)


HBOS(n_bins=10).fit(X[:1000]).decision_function(X[:1000])  # compiles what numba compiles
for name in sys.argv[1:] or METHODS:
    print(name, "%.4f %.4f" % measure(METHODS[name], 3), flush=True)
