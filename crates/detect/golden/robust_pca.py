"""Principal component pursuit in NumPy (any version from 1.20): augmented Lagrangian with a full SVD, steps ever larger
(Lin, Chen, Ma 2010, inexact ALM), where the crate has fixed steps and eigenvectors of products. Sums of |S| over rows.

New rows: the same pursuit with the factor of the training rows held fast, min_a sum a_k^2 / (2 l_k) + lambda |z - V'a|_1,
by SciPy's L-BFGS-B on the dual, whose bounds are |y| <= lambda.
"""
import numpy as np
from scipy.optimize import minimize

i = np.arange(40)
hidden = np.stack([(37 * i * i + 11 * i) % 101 - 50, (53 * i * i + 29 * i) % 97 - 48], axis=1) / 32.0
mix = np.array([[1, 0.5, -1, 0.25, 2, -0.75], [0.5, -1, 1, 2, -0.25, 1.5]])
X = hidden @ mix
X[5, 2] += 9
X[17, 0] -= 7
X[17, 4] += 6
X[33, 5] += 4
new = np.array([[1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0], list(X[17])], dtype=float)

center = np.median(X, axis=0)
scale = 0.6745 / np.median(abs(X - center), axis=0)
for standardize, factor in [(True, 1.0), (False, 1.0), (True, 0.7)]:
    unit = scale if standardize else np.ones_like(scale)
    M = (X - center) * unit
    lam = factor / np.sqrt(max(M.shape))
    norm = np.linalg.norm(M, 2)
    Y = M / max(norm, abs(M).max() / lam)
    S, mu = np.zeros_like(M), 1.25 / norm
    for _ in range(5000):
        U, s, V = np.linalg.svd(M - S + Y / mu, full_matrices=False)
        L = (U * np.maximum(s - 1 / mu, 0)) @ V
        T = M - L + Y / mu
        S = np.sign(T) * np.maximum(abs(T) - lam / mu, 0)
        Y += mu * (M - L - S)
        if np.linalg.norm(M - L - S) < 1e-13 * np.linalg.norm(M):
            break
        mu *= 1.01
    U, s, V = np.linalg.svd(L, full_matrices=False)
    k = int((s > 1e-6 * s[0]).sum())
    Q = (V[:k].T * s[:k]) @ V[:k]
    scores = []
    for z in (new - center) * unit:
        f = lambda y: (0.5 * y @ Q @ y - y @ z, Q @ y - z)
        y = minimize(f, np.zeros(len(z)), jac=True, bounds=[(-lam, lam)] * len(z), method="L-BFGS-B", options=dict(ftol=1e-16, gtol=1e-12, maxiter=10**5, maxfun=10**6)).x
        scores.append(abs(z - Q @ y).sum())
    show = lambda v: [float(f"{x:.7g}") for x in v]
    print(standardize, factor, "rank", k, show(s[:k]), "objective", s.sum() + lam * abs(S).sum())
    print("  training", show(abs(S).sum(axis=1)[[0, 5, 17, 20, 33]]), "new", show(scores))
