"""PyOD 3.6.7 COF (method="fast"): factors of its training rows for n_neighbors=2, the only number that it
takes where its path is that of the paper; for 1, 4 and 20 the definitions of Tang et al. 2002 in NumPy 2.4.6, with the order of the path from Prim's algorithm."""
import numpy as np
from pyod.models.cof import COF

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1)  * [64, 37, 41] / 1024.0
X[29] = [20, -3, 9]
D = np.sqrt(((X[:, None] - X) ** 2).sum(-1))
chosen = [0, 3, 7, 11, 15, 20, 29]


def definition(k):
    near = np.argsort(D, axis=1)[:, 1 : k + 1]
    chaining = np.zeros(len(X))
    for p in range(len(X)):
        path, rest = [p], set(near[p].tolist())
        for i in range(1, k + 1):
            cost, nearest = min((D[a, b], b) for a in path for b in rest)
            chaining[p] += 2 * (k + 1 - i) / (k * (k + 1)) * cost
            path.append(nearest)
            rest.remove(nearest)
    return chaining / chaining[near].mean(1)


scores = COF(n_neighbors=2).fit(X).decision_scores_
assert np.allclose(scores, definition(2))
print("PyOD", 2, [float(f"{s:.9g}") for s in scores[chosen]])
for k in [1, 4, 20]:
    print("NumPy", k, [float(f"{s:.9g}") for s in definition(k)[chosen]])
