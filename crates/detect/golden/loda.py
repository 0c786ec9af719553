"""NumPy (any version from 1.20): LODA with given projections and 7 bars, the first ten training scores.

The formula of PyOD 3.6.7, `-mean log(counts / n)` over `np.histogram` of each projection, with each value in the bar
that counted it. PyOD itself is no source of numbers here: it looks values up by `searchsorted(limits[:n_bins - 1],
side="left")`, whose first limit is the least value, so that a value gets the bar above its own (the
assertion below shows it), and it divides by the number of projections twice.
"""
import numpy as np

WEIGHTS = np.array([[0.75, 0, 0], [0, -1.25, 0], [0.5, 0, 1.5], [0, 0.3, -0.6]])
BINS = 7

i = np.arange(40)
X = np.stack([(37 * i * i + 11 * i) % 101 * 64, (53 * i * i + 29 * i) % 97 * 37, (i**3 + 5) % 89 * 41], axis=1) / 1024
score = np.zeros(len(X))
for z in WEIGHTS @ X.T:
    counts, limits = np.histogram(z, bins=BINS)
    bar = np.clip(np.searchsorted(limits, z, side="right") - 1, 0, BINS - 1)
    assert np.array_equal(np.bincount(bar, minlength=BINS), counts)
    pyod = np.searchsorted(limits[: BINS - 1], z, side="left")
    inner = (bar < BINS - 1) & ~np.isin(z, limits)
    assert inner.sum() > 20 and np.all(pyod[inner] == bar[inner] + 1)
    score -= np.log(counts[bar] / len(X)) / len(WEIGHTS)
print([float(f"{s:.9g}") for s in score[:10]])
