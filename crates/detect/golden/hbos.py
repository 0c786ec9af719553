"""PyOD 3.6.7: HBOS(n_bins=10).fit(X).decision_scores_ on columns that span 0 to 1, the first twelve of 101 rows.

PyOD takes densities in the column's own unit and this project takes them relative to a flat histogram; over a
range of 1 both are the same number. No value but the smallest lies on an edge, where PyOD counts it in one bin and
scores it by the other.
"""
import numpy as np
from pyod.models.hbos import HBOS

k = (np.arange(101) * 37 % 101) / 100
X = np.stack([k**2, k**3, 1 - k**2], axis=1)
print([float(f"{s:.9g}") for s in HBOS(n_bins=10).fit(X).decision_scores_[:12]])
