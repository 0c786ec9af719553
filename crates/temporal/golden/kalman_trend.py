"""statsmodels 0.15.0 UnobservedComponents, local linear trend and trigonometric season with given variances: standardised
one-step errors (compared to 1e-6) and the greatest likelihood of the same model.

Run: python kalman_trend.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
from statsmodels.tsa.statespace.structural import UnobservedComponents

i = np.arange(120)
y = 0.02 * i + np.sin(2 * np.pi * i / 12) + 0.5 * np.cos(4 * np.pi * i / 12) + ((i * i * 7 + i * 13) % 101) / 101 + np.sin(i / 17)
for harmonics in [0, 2]:
    model = UnobservedComponents(y, "lltrend", freq_seasonal=[{"period": 12, "harmonics": harmonics}] if harmonics else None)
    model.ssm.initialize_approximate_diffuse(1e6)
    variances = [0.3, 0.05, 0.001, 0.01][:3 + (harmonics > 0)]
    result = model.filter(variances)
    print(harmonics, model.param_names)
    at = [0, 1, 2, 10, 50, 119]
    print([float(f"{v:.12g}") for v in (result.forecasts_error[0] / np.sqrt(result.forecasts_error_cov[0, 0]))[at]])
    d = 2 + 2 * harmonics
    best = max((model.fit(start_params=[v * f for v in variances], disp=0, maxiter=500) for f in (1, 0.1)), key=lambda r: r.llf_obs[d:].sum())
    print("likelihood without the first", d, float(f"{best.llf_obs[d:].sum():.9g}"), best.params)
