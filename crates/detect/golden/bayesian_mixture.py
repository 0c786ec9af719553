"""scikit-learn 1.9.1 BayesianGaussianMixture (Dirichlet process) on standardised columns, as -score_samples.

The data are those of `two_clouds` in gaussian_mixture/tests.rs. Up to three components from the shares that the larger
cloud, the smaller one and an empty component have in the beginning, and one component; then 2000 rounds of its own
steps, so that both sides stand at the fixed point.
"""

import numpy as np
import sklearn
from sklearn.mixture import BayesianGaussianMixture

i = np.arange(20)
far = np.where(i < 12, 0.0, 30.0)
X = np.stack([(i * 7) % 11 + far, (i * i) % 5 + 0.5 * ((i * 3) % 7) - far], axis=1).astype(float)
Z = (X - X.mean(0)) / X.std(0)
print("scikit-learn", sklearn.__version__)
for k, concentration in ((1, None), (2, None), (2, 5.0)):
    model = BayesianGaussianMixture(n_components=k, weight_concentration_prior=concentration, random_state=0)
    model._check_parameters(Z)
    shares = np.eye(3)[np.where(i < 12, 0, 1)][:, :k] if k > 1 else np.ones((20, 1))
    model._initialize(Z, shares)
    for _ in range(2000):
        _, log_shares = model._e_step(Z)
        model._m_step(Z, log_shares)
    print(k, concentration, [float(f"{-s:.9g}") for s in model.score_samples(Z)])
