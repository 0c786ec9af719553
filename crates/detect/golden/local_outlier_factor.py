"""scikit-learn 1.9.1 LocalOutlierFactor: factors of its training rows and, with novelty=True, of three new ones."""
import numpy as np
from sklearn.neighbors import LocalOutlierFactor

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1)  * [64, 37, 41] / 1024.0
X[29] = [20, -3, 9]
new = np.array([[1, 2, 3], [-10, 0, 0], X[7]], dtype=float)
for k in [4, 20]:
    own = -LocalOutlierFactor(n_neighbors=k).fit(X).negative_outlier_factor_
    scores = -LocalOutlierFactor(n_neighbors=k, novelty=True).fit(X).score_samples(new)
    print(k, [float(f"{s:.9g}") for s in np.r_[own[[0, 7, 15, 29]], scores]])
D = np.sqrt(((X[:, None] - X) ** 2).sum(-1))
print("smallest gap between distances of one row:", np.diff(np.sort(D, 1), axis=1)[:, 1:].min())
