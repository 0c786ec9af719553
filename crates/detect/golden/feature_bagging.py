"""PyOD 3.6.7 FeatureBagging over LOF: the columns it drew, its training scores, and those of three new rows."""
import numpy as np
from pyod.models.feature_bagging import FeatureBagging
from pyod.models.lof import LOF

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89, (17 * i * i + 3 * i) % 83], axis=1)
X = X * [64, 37, 41, 53] / 1024.0
X[29] = [20, -3, 9, 1]
new = np.array([[1, 2, 3, 4], [-10, 0, 0, 0], X[7]], dtype=float)
bags = FeatureBagging(LOF(n_neighbors=6), n_estimators=5, random_state=1).fit(X)
print([sorted(int(j) for j in columns) for columns in bags.estimators_features_])
scores = np.r_[bags.decision_scores_[[0, 7, 15, 29]], bags.decision_function(new)]
print([float(f"{s:.9g}") for s in scores])
