"""scikit-learn 1.9.1 HistGradientBoostingClassifier without limits of its own (one row a leaf, no held-out part): decision
function of all rows. Trees of two leaves, because in larger ones leaves are split in another order. Values are multiples of 1/1024, so that both sides hold the same numbers; some are missing."""
import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier

i = np.arange(120)
X = np.stack([(37 * i * i + 11 * i) % 1021, (53 * i * i + 29 * i) % 1019, (i**3 + 5) % 1013], axis=1) / 1024.0
y = (X[:, 0] + X[:, 1] * X[:, 2] > 0.9) ^ (i % 17 == 3)
X[i % 13 == 5, 1] = np.nan
model = HistGradientBoostingClassifier(
    max_iter=40, learning_rate=0.2, max_leaf_nodes=2, min_samples_leaf=1, l2_regularization=0.0, early_stopping=False
).fit(X, y)
print(sklearn.__version__, y.sum())
print([float(f"{s:.7g}") for s in model.decision_function(X)[::9]])
