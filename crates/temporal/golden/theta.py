"""statsmodels 0.15.0 ThetaModel (theta = 2): smoothing it estimated and the forecast of the next point (compared to 1e-8).

Run: python theta.py, with the versions of xtask/golden-requirements.txt.
"""
import warnings

import numpy as np
from statsmodels.tsa.forecasting.theta import ThetaModel

warnings.simplefilter("ignore")
i = np.arange(80)
season = np.array([3, 1, -2, 0, 4, -6.0])
bit = ((i * i * 7 + i * 13) % 101) / 101
for name, y, period in [("plain", 0.1 * i + bit + np.sin(i / 11), 1), ("even", 0.1 * i + bit + season[i % 6], 6), ("odd", 0.1 * i + bit + season[i % 5], 5)]:
    for n in [20, 79]:
        fit = ThetaModel(y[:n], period=period if period > 1 else None, deseasonalize=period > 1, use_test=False, method="additive").fit() if period > 1 else ThetaModel(y[:n], period=2, deseasonalize=False).fit()
        print(name, n, float(f"{fit.params['alpha']:.15g}"), float(f"{np.asarray(fit.forecast(1))[0]:.12g}"))
