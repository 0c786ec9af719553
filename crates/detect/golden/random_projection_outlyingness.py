"""NumPy (any version from 1.20): Stahel-Donoho outlyingness over all lines through two rows, across and along them.

In two columns the hyperplanes through two rows are lines, so both kinds of directions are all pairs of rows. Scores of the
first six training rows, of the two planted ones and of two new rows.
"""
import itertools

import numpy as np

i = np.arange(24)
X = np.stack([(37 * i * i + 11 * i) % 101 * 64, (53 * i * i + 29 * i) % 97 * 37], axis=1) / 1024.0
X[:, 1] += 2 * X[:, 0]
X[22] = [3, 20]
X[23] = [30, 30]
new = np.array([[1, 2], [6, 0]], dtype=float)

center = np.median(X, axis=0)
scale = 0.6745 / np.median(abs(X - center), axis=0)
Z, N = (X - center) * scale, (new - center) * scale
for name, turn in [("hyperplanes", True), ("pairs", False)]:
    best = np.zeros(len(X) + len(new))
    for a, b in itertools.combinations(range(len(X)), 2):
        u = Z[b] - Z[a]
        if not u.any():
            continue
        u = np.array([-u[1], u[0]]) if turn else u
        u = u / np.linalg.norm(u)
        p = Z @ u
        m = np.median(p)
        deviation = 1.482602218505602 * np.median(abs(p - m))
        assert deviation > 1e-3
        best = np.maximum(best, abs(np.r_[p, N @ u] - m) / deviation)
    print(name, [float(f"{s:.9g}") for s in best[[0, 1, 2, 3, 4, 5, 22, 23, 24, 25]]])
