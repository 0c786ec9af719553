"""PyOD 3.6.7: CBLOF on 60 rows with given centres, for each pair of alpha, beta and with weights.

k-means draws its seeds at random, so PyOD is given a clustering with fixed centres, which are the means of the rows
nearest to them, as those that k-means ends with are. Training scores of six rows, then those of three new rows.
"""
import numpy as np
from pyod.models.cblof import CBLOF

i = np.arange(60)
group = np.where(i < 36, 0, np.where(i < 54, 1, 2))
offset = np.array([[0, 0], [20, 0], [0, 30]])[group]
X = offset + np.stack([i * 7 % 11, i * i % 5 + i * 3 % 7], axis=1) / 4
NEW = np.array([[0, 0], [12, 3], [1, 40]], float)


class Given:
    def fit(self, X, y=None):
        self.cluster_centers_ = np.array([X[group == g].mean(axis=0) for g in range(3)])
        self.labels_ = self.predict(X)
        assert np.array_equal(self.labels_, group)
        return self

    def predict(self, X):
        return np.argmin(((X[:, None, :] - self.cluster_centers_) ** 2).sum(axis=2), axis=1)


for alpha, beta, weights in [(0.9, 5, False), (0.9, 2.5, True), (0.5, 2, False), (0.99, 50, False)]:
    try:
        model = CBLOF(n_clusters=3, clustering_estimator=Given(), alpha=alpha, beta=beta, use_weights=weights).fit(X)
    except ValueError as error:
        print(alpha, beta, weights, error)
        continue
    scores = np.append(model.decision_scores_[[0, 17, 35, 36, 54, 59]], model.decision_function(NEW))
    print(alpha, beta, weights, len(model.large_cluster_labels_), [float(f"{s:.9g}") for s in scores])
