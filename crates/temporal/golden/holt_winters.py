"""statsmodels 0.15.0 ExponentialSmoothing: one-step errors with given smoothing (compared to 1e-9), and the least sum of
squared errors from given first states (ours may be a thousandth higher).

Run: python holt_winters.py, with the versions of xtask/golden-requirements.txt.
"""
import warnings

import numpy as np
from statsmodels.tsa.holtwinters import ExponentialSmoothing

warnings.simplefilter("ignore")
i = np.arange(90)
m = 6
season = np.array([3, 1, -2, 0, 4, -6.0])
y = 5 + 0.1 * i + season[i % m] + ((i * i * 7 + i * 13) % 101) / 101 + np.sin(i / 11)


def model(damped, level, slope, first):
    return ExponentialSmoothing(y, trend="add", seasonal="add", seasonal_periods=m, damped_trend=damped,
                                initialization_method="known", initial_level=level, initial_trend=slope, initial_seasonal=first)


for damping in [1.0, 0.9]:
    given = dict(smoothing_level=0.4, smoothing_trend=0.3, smoothing_seasonal=0.2)
    if damping < 1:
        given["damping_trend"] = damping
    fit = model(damping < 1, 5.0, 0.1, season).fit(optimized=False, **given)
    print("given", damping, [float(f"{v:.12g}") for v in fit.resid[[0, 1, 7, 50, 89]]])

means = y[:m].mean(), y[m:2 * m].mean()
slope = (means[1] - means[0]) / m
line = means[0] + slope * (np.arange(2 * m) - (m - 1) / 2)
first = (y[:2 * m] - line).reshape(2, m).mean(0)
for damped in [False, True]:
    fits = [model(damped, line[0] - slope, slope, first).fit(method=method) for method in ["L-BFGS-B", "SLSQP", "Powell"]]
    best = min(fits, key=lambda f: f.sse)
    print("least", damped, float(f"{best.sse:.9g}"), {k: v for k, v in best.params.items() if k.startswith(("smooth", "damp"))})
