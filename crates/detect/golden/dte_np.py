"""Posterior steps of DTE-NonParametric by SciPy 1.17.1 (invgamma) as in the released code (vicliv/DTE, commit
2aef173, diffusion/non_param_dte.py: K=5, T=300): training rows (leave-one-out) and three new ones, mode and mean."""
import numpy as np
from scipy.special import logsumexp
from scipy.stats import invgamma

i = np.arange(30)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1) / 64.0
new = np.array([[0.5, 0.5, 0.5], [-0.5, 0, 0], [0.75, 0.25, 1.0]])
T, K = 300, 5
v = 1 - np.cumprod(1 - np.linspace(0.0001, 0.01, T))


def steps(rows, skip):
    squared = np.sort(((rows[:, None] - X) ** 2).sum(-1), axis=1)[:, skip : skip + K].mean(1)
    log = np.stack([invgamma.logpdf(v, a=0.5 * X.shape[1] - 1, scale=q / 2) for q in squared])
    p = np.exp(log - logsumexp(log, axis=1, keepdims=True))
    return np.argmax(p, axis=1), p @ np.arange(T)


own, others = steps(X, 1), steps(new, 0)
for name, a, b in zip(["mode", "mean"], own, others):
    print(name, [float(f"{s:.9g}") for s in np.r_[a[[0, 7, 15, 29]], b]])
