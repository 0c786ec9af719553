"""scikit-learn 1.9 EmpiricalCovariance, LedoitWolf and OAS on 12 rows: shrinkage and squared distances."""
import numpy as np
from sklearn.covariance import OAS, EmpiricalCovariance, LedoitWolf

i = np.arange(12)
# Whole and half numbers, so that both sides see the same rows.
X = np.stack([i * 7 % 11, i * i % 5 + 0.5 * i, np.where(i == 11, 9, i // 3), i * 5 % 7 - i], axis=1).astype(float)
for kind in (EmpiricalCovariance, LedoitWolf, OAS):
    fit = kind().fit(X)
    print(kind.__name__, getattr(fit, "shrinkage_", None))
    print([float(f"{v:.9g}") for v in fit.mahalanobis(X)])
