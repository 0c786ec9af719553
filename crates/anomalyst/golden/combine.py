"""combo 0.1.3, which PyOD's `combination` calls: average and maximum, median, AOM and MOA of a score matrix.

Buckets are static, and their order is that of scikit-learn's `shuffle` with seed 42, which the test repeats as given.
Rank aggregation has no reference there: mean ranks of SciPy's `rankdata`, which PyOD's users take beforehand.
"""
import numpy as np
from combo.models.score_comb import aom, average, maximization, median, moa
from scipy.stats import norm, rankdata
from sklearn.utils import shuffle

i, j = np.arange(7)[:, None], np.arange(6)
Z = ((37 * i * i + 11 * i * j + 53 * j * j + 29 * i) % 101) / 32.0 - 1.0
order = shuffle(list(range(6)), random_state=42)
print("order", order)
show = lambda name, v: print(name, [float(f"{s:.9g}") for s in np.ravel(v)])
show("average", average(Z))
show("maximum", maximization(Z))
show("median", median(Z))
for n in [2, 3]:
    show(f"aom {n}", aom(Z, n_buckets=n, random_state=42))
    show(f"moa {n}", moa(Z, n_buckets=n, random_state=42))
ranks = np.stack([rankdata(column) for column in Z.T], axis=1)
show("mean rank", ranks.mean(1))
show("normal scores", norm.ppf(ranks / 8).mean(1))
