"""Golden values of src/forecasts: scoringrules, and properscoring for the CRPS."""
import numpy as np, properscoring, scoringrules as sr
y = np.array([[0.3, 1.2, -0.4], [1.0, -0.5, 0.7]])
x = np.array([[[np.sin(1.7 * i + 2.3 * j + k) + 0.1 * k for k in range(3)] for j in range(5)] for i in range(2)])
print("crps", sr.crps_ensemble(y, np.moveaxis(x, 1, 2), estimator="nrg").mean(),
      properscoring.crps_ensemble(y, np.moveaxis(x, 1, 2)).mean(),
      "fair", sr.crps_ensemble(y, np.moveaxis(x, 1, 2), estimator="fair").mean())
print("energy", sr.es_ensemble(y, x, estimator="nrg").mean())
print("variogram", sr.vs_ensemble(y, x, p=0.5, estimator="nrg").mean())
