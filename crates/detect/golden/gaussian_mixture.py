"""scikit-learn 1.9.1 GaussianMixture on standardised columns, as -score_samples: one component, and two converged."""
import numpy as np
from sklearn.mixture import GaussianMixture

i = np.arange(20)
far = np.where(i < 12, 0.0, 30.0)
X = np.stack([(i * 7) % 11 + far, (i * i) % 5 + 0.5 * ((i * 3) % 7) - far], axis=1).astype(float)
Z = (X - X.mean(0)) / X.std(0)
for k in (1, 2):
    model = GaussianMixture(k, tol=1e-12, max_iter=1000, reg_covar=1e-6, random_state=0).fit(Z)
    print([float(f"{-s:.9g}") for s in model.score_samples(Z)])
