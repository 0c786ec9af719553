"""PyOD 3.6.7, NumPy: COPOD().fit(X).decision_scores_ on twelve rows with ties in every column, none of them symmetric."""
import numpy as np
from pyod.models.copod import COPOD

i = np.arange(12)
X = np.stack([(i * 7) % 11, -((i * i) % 5) ** 2, np.where(i == 11, 40, i // 3)], axis=1).astype(float)
print([float(f"{s:.9g}") for s in COPOD().fit(X).decision_scores_])
