"""scikit-learn 1.9 MinCovDet (which PyOD 3.6.7 MCD calls) on 60 rows of which 9 are anomalies, and on new rows.

The best of 200 random states is taken: the objective has one smallest determinant, and single runs may miss it.
"""
import numpy as np
from scipy.stats import chi2
from sklearn.covariance import MinCovDet

i = np.arange(60)
# Whole numbers, so that both sides see the same rows; dense in the middle, so that the smallest determinant stands out.
dense = lambda t: np.sign(t) * (t * t // 9)
u, v, w = (i * 37) % 61 - 30, (i * i + 5) % 61 - 30, (i * 23) % 59 - 29
X = np.stack([dense(u), dense(v) + dense(u), dense(w) - i % 7], axis=1).astype(float)
X[::7] += [300.0, -250.0, 200.0]
fits = [MinCovDet(random_state=s).fit(X) for s in range(200)]
fit = min(fits, key=lambda f: np.linalg.det(f.raw_covariance_))
show = lambda v: print([float(f"{s:.9g}") for s in v])
print(np.linalg.det(fit.raw_covariance_), sorted({round(np.linalg.det(f.raw_covariance_)) for f in fits})[:4])
show(fit.location_)
show(fit.covariance_.ravel())
show(fit.dist_[:12])
show(fit.mahalanobis(np.array([[0.0, 0, 0], [30, 60, 10], [300, -250, 200]])))
fit = min((MinCovDet(random_state=s, support_fraction=0.75).fit(X) for s in range(200)), key=lambda f: np.linalg.det(f.raw_covariance_))
show(fit.dist_[:12])
for n in (1, 5, 20, 1000):
    q = chi2.ppf(0.975, n)
    print(n, repr(float(q)), repr(float(chi2.cdf(q, n + 2))))
