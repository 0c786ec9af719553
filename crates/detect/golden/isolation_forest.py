"""Scores of scikit-learn's isolation forest, and of isotree's with oblique cuts of two columns, by density and with
guided cuts, on the data of `golden_rows` in isolation_forest/tests.rs.

Forests of different random generators cannot agree tree by tree, so the values are means over 200 seeds; their
standard error is the spread over seeds (0.006 to 0.012, by density up to 0.145) over the root of 200, below 0.001 (0.01). Prints every 10th of the
475 normal rows, all 25 odd rows, and the mean AUROC.
"""

from importlib.metadata import version

import isotree
import numpy as np
import sklearn
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

PRIMES = np.array([[7919, 104729, 1299709], [15485863, 32452843, 49979687], [67867967, 86028121, 982451653],
                   [198491317, 217645177, 256203161]], dtype=np.uint64)
i = np.arange(1, 501, dtype=np.uint64)
# Sums of three multiples of odd numbers modulo 65536: integers, so that every language makes the same.
x = np.stack([sum((i * i * p + i * q) % 65536 for p, q in zip(row, np.roll(row, 1))) for row in PRIMES], axis=1)
x = (x.astype(np.float64) - 98304.0) / 32768.0
x[475:] *= 1.75
x = x.astype(np.float32)
y = np.arange(500) >= 475



def parallel(seed):
    return -IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(x).score_samples(x)


def oblique(seed):
    # The settings of the paper of Hariri et al. but for the threshold, which isotree draws where rows are. Its tree i
    # is grown from seed + i, so seeds nearer than the number of trees would share trees.
    forest = isotree.IsolationForest(ntrees=100, sample_size=256, ndim=2, prob_pick_pooled_gain=0, coefs="normal",
                                     missing_action="fail", penalize_range=False, random_seed=1000 * seed, nthreads=1)
    return forest.fit(x).predict(x)


def other(**settings):
    def scores(seed):
        forest = isotree.IsolationForest(ntrees=100, sample_size=256, max_depth=8, missing_action="fail",
                                         penalize_range=False, random_seed=1000 * seed, nthreads=1, **settings)
        return forest.fit(x.astype(np.float64)).predict(x.astype(np.float64))
    return scores


density = other(ndim=1, scoring_metric="density")
pooled = other(ndim=1, prob_pick_pooled_gain=0.5, ntry=3)
# With no least gain, isotree takes the gain of variances where there is one candidate.
oblique_pooled = other(ndim=2, coefs="normal", prob_pick_pooled_gain=1, min_gain=1e-9)

print("scikit-learn", sklearn.__version__, "isotree", version("isotree"), "numpy", np.__version__)
for forest in [parallel, oblique, density, pooled, oblique_pooled]:
    scores = [forest(seed) for seed in range(200)]
    auroc = [roc_auc_score(y, s) for s in scores]
    mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0)
    print("spread over seeds: %.4f to %.4f" % (spread.min(), spread.max()))
    print("mean AUROC %.5f, spread %.5f" % (np.mean(auroc), np.std(auroc)))
    chosen = np.concatenate([np.arange(0, 475, 10), np.arange(475, 500)])
    print(", ".join("%.4f" % v for v in mean[chosen]))
