"""PyOD 3.6.7 KNN (on scikit-learn 1.9.1): scores of its training rows (leave-one-out) and of three new ones."""
import numpy as np
from pyod.models.knn import KNN

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1) / 16.0
X[29] = [20, -3, 9]
new = np.array([[1, 2, 3], [-10, 0, 0], [2.5, 2.5, 2.5]], dtype=float)
for method in ["largest", "mean", "median"]:
    model = KNN(n_neighbors=4, method=method).fit(X)
    print(method, [float(f"{s:.9g}") for s in np.r_[model.decision_scores_[[0, 7, 15, 29]], model.decision_function(new)]])
