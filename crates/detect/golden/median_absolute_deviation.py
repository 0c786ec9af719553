"""PyOD 3.6.7: MAD().fit(X).decision_scores_ on fourteen values of one column."""
import numpy as np
from pyod.models.mad import MAD

i = np.arange(14)
X = ((37 * i * i + 11 * i) % 101 / 4).reshape(-1, 1)
print([float(f"{s:.9g}") for s in MAD().fit(X).decision_scores_])
