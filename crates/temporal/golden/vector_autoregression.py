"""statsmodels 0.15.0 VAR with a constant: coefficients, residuals and their covariance (compared to 1e-7), and orders by
criterion.

Run: python vector_autoregression.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
from statsmodels.tsa.vector_ar.var_model import VAR

n = 300
i = np.arange(n)
bit = np.stack([((i * i * 7 + i * 13) % 101) / 101, ((i * i * i + 5 * i) % 89) / 89, ((i * i * 3 + 11 * i) % 97) / 97], 1)
a1 = np.array([[0.5, 0.2, 0.0], [-0.3, 0.4, 0.1], [0.0, 0.3, 0.2]])
a2 = np.array([[-0.2, 0.0, 0.1], [0.1, -0.3, 0.0], [0.2, 0.0, -0.1]])
y = np.zeros((n, 3))
for t in range(n):
    y[t] = bit[t] + [1, 0, 2]
    if t > 0:
        y[t] += a1 @ y[t - 1]
    if t > 1:
        y[t] += a2 @ y[t - 2]
fit = VAR(y).fit(2, trend="c")
digits = lambda values: [float(f"{v:.12g}") for v in np.ravel(values)]
# A row for each channel: the constant, the lags of one point back, of two points back.
print([digits(row) for row in fit.params.T])
print(digits(fit.resid[[0, 100, -1]]))
print(digits(fit.sigma_u))
print(VAR(y).select_order(8, trend="c").selected_orders)
