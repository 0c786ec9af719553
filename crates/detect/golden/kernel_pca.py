"""PyOD 3.6.7 KPCA on scikit-learn 1.9.1: decision_function of four training rows and three new ones."""
import numpy as np
from pyod.models.kpca import KPCA

i = np.arange(60)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1) * [64, 37, 41] / 2048.0
X[59] = [10, -1.5, 4.5]
new = np.array([[1, 2, 3], [-5, 0, 0], X[7]], dtype=float)
rows = np.r_[X[[0, 7, 15, 59]], new]
gamma = 1 / X.var(axis=0).sum()
settings = [
    dict(n_components=5, gamma=gamma),
    dict(n_components=20, gamma=0.9),
    dict(n_components=60, gamma=0.9),
    dict(n_components=2, kernel="linear"),
    dict(n_components=6, kernel="poly", degree=3, gamma=0.1, coef0=1.0),
]
for s in settings:
    m = KPCA(eigen_solver="dense", **s)
    m.fit(X)
    print(s, [float(f"{v:.9g}") for v in m.decision_function(rows)])
    print("   training scores differ from these by", np.abs(m.decision_scores_[[0, 7, 15, 59]] - m.decision_function(rows)[:4]).max())
