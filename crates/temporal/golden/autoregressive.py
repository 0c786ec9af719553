"""statsmodels 0.15.0 AutoReg with a constant: coefficients and residuals (compared to 1e-7), and orders by criterion.

Run: python autoregressive.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
from statsmodels.tsa.ar_model import AutoReg, ar_select_order

i = np.arange(400)
bit = ((i * i * 7 + i * 13) % 101) / 101 + ((i * i * i + 5 * i) % 89) / 89
y = np.zeros(400)
for t in range(400):
    y[t] = 2 + 0.6 * y[t - 1] * (t > 0) - 0.5 * y[t - 2] * (t > 1) + 0.3 * y[t - 3] * (t > 2) + bit[t]
for p in [1, 3]:
    fit = AutoReg(y, p, trend="c").fit()
    print(p, [float(f"{v:.12g}") for v in fit.params], [float(f"{v:.12g}") for v in fit.resid[[0, 5, 100, -1]]])
for ic in ["aic", "bic"]:
    print(ic, ar_select_order(y, 12, ic=ic, trend="c").ar_lags)
