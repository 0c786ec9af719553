"""Numbers in the tests of multiplicity.rs: the best model by scikit-learn, the ends of two ranges by SciPy (SLSQP)."""
import numpy as np, scipy, sklearn
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
x = np.array([[0.5, 1.2], [-1.0, 0.3], [1.5, -0.7], [0.2, 2.1], [-0.4, -1.5], [2.2, 0.9],
              [-1.8, -0.2], [0.9, -1.1], [-0.6, 1.7], [1.1, 0.4], [-2.0, 1.0], [0.3, -0.8]])
y = np.array([1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0])
n = len(y)
fit = LogisticRegression(C=1.0, tol=1e-14, max_iter=10000).fit(x, y)
w = np.r_[fit.intercept_, fit.coef_[0]]
def F(w):
    z = w[0] + x @ w[1:]
    return np.mean(np.logaddexp(0, np.where(y == 1, -z, z))) + 0.5 / n * (w[1:] @ w[1:])
def dF(w):
    z = w[0] + x @ w[1:]
    r = (1 / (1 + np.exp(-z)) - y) / n
    return np.r_[r.sum(), x.T @ r + w[1:] / n]
best = minimize(F, w, jac=dF, tol=1e-15, method='BFGS', options={'gtol': 1e-12}).x
bound = 1.01 * F(best)
print(sklearn.__version__, scipy.__version__, repr(w), repr(best), F(best))
for c in ([1, *x[5]], [1, *x[10]]):
    for s in (1, -1):
        c_ = s * np.array(c, float)
        r = minimize(lambda v: c_ @ v, best + 1e-3, jac=lambda v: c_, method='SLSQP',
                     constraints={'type': 'ineq', 'fun': lambda v: bound - F(v), 'jac': lambda v: -dF(v)},
                     options={'ftol': 1e-15, 'maxiter': 1000})
        print(c, s, repr(s * r.fun), bound - F(r.x))
