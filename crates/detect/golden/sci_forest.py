"""Scores of isotree's SCiForest, by the settings that its manual gives for it, on the data of `golden_rows` in
isolation_forest/tests.rs: means over 200 seeds, of every 10th of the 475 normal rows and all 25 odd rows.
"""

from importlib.metadata import version

import isotree
import numpy as np

PRIMES = np.array([[7919, 104729, 1299709], [15485863, 32452843, 49979687], [67867967, 86028121, 982451653],
                   [198491317, 217645177, 256203161]], dtype=np.uint64)
i = np.arange(1, 501, dtype=np.uint64)
# Sums of three multiples of odd numbers modulo 65536: integers, so that every language makes the same.
x = np.stack([sum((i * i * p + i * q) % 65536 for p, q in zip(row, np.roll(row, 1))) for row in PRIMES], axis=1)
x = (x.astype(np.float64) - 98304.0) / 32768.0
x[475:] *= 1.75
x = x.astype(np.float32)

print("isotree", version("isotree"), "numpy", np.__version__)
scores = []
for seed in range(200):
    # Its tree i is grown from seed + i, so seeds nearer than the number of trees would share trees.
    forest = isotree.IsolationForest(ntrees=100, sample_size=256, max_depth=8, ndim=2, ntry=10, prob_pick_avg_gain=1,
                                     coefs="uniform", penalize_range=True, missing_action="fail",
                                     random_seed=1000 * seed, nthreads=1)
    scores.append(forest.fit(x.astype(np.float64)).predict(x.astype(np.float64)))
mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0)
print("spread over seeds: %.4f to %.4f" % (spread.min(), spread.max()))
chosen = np.concatenate([np.arange(0, 475, 10), np.arange(475, 500)])
print(", ".join("%.4f" % v for v in mean[chosen]))
