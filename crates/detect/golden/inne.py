"""PyOD 3.6.7 INNE with samples of all rows, so that nothing is random, and ratios of radii as in the paper (PyOD's are of
squared radii): scores of training rows and of three new ones."""
import numpy as np
from pyod.models.inne import INNE

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1)  * [64, 37, 41] / 1024.0
X[29] = [20, -3, 9]
new = np.array([[1, 2, 3], [-10, 0, 0], [2.5, 2.5, 2.5]], dtype=float)
model = INNE(n_estimators=3, max_samples=30).fit(X)
model._ratio = 1 - np.sqrt(1 - model._ratio)
scores = model.decision_function(np.r_[X, new])
print([float(f"{s:.9g}") for s in scores])
