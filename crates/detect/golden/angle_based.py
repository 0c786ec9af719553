"""PyOD 3.6.7 ABOD (method="fast"): -ln of its variances for training rows (n_neighbors=k+1, as it counts the row itself)
and for three new ones (n_neighbors=k)."""
import numpy as np
from pyod.models.abod import ABOD

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1)  * [64, 37, 41] / 1024.0
X[29] = [20, -3, 9]
new = np.array([[1, 2, 3], [-10, 0, 0], [2.5, 2.5, 2.5]], dtype=float)
for k in [4, 10]:
    own = -ABOD(n_neighbors=k + 1).fit(X).decision_scores_
    others = -ABOD(n_neighbors=k).fit(X).decision_function(new)
    print(k, [float(f"{s:.9g}") for s in -np.log(np.r_[own[[0, 7, 15, 29]], others])])
