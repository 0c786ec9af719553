"""cvxopt 1.3.3, the dual problem of Tax and Duin 2004 as a quadratic programme: |x - c|^2 - R^2 of four training rows and
three new ones, with R from the rows on the surface."""
import cvxopt
import numpy as np
from cvxopt import matrix, solvers

i = np.arange(60)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1) * [64, 37, 41] / 2048.0
X[59] = [10, -1.5, 4.5]
new = np.array([[1, 2, 3], [-5, 0, 0], X[7]], dtype=float)
Q = np.r_[X[[0, 7, 15, 59]], new]
solvers.options.update(show_progress=False, abstol=1e-13, reltol=1e-13, feastol=1e-13)


def rbf(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / 3)


def linear(a, b):
    return a @ b.T


def polynomial(a, b):
    return (0.1 * a @ b.T + 1) ** 2


print("cvxopt", cvxopt.__version__)
for nu, k in [(0.1, rbf), (0.1, linear), (0.3, linear), (0.2, polynomial)]:
    n, K = len(X), k(X, X)
    C = 1 / (nu * n)
    G, h = np.r_[-np.eye(n), np.eye(n)], np.r_[np.zeros(n), np.full(n, C)]
    a = solvers.qp(matrix(2 * K), matrix(-np.diag(K).copy()), matrix(G), matrix(h), matrix(np.ones((1, n))), matrix(1.0))
    a = np.array(a["x"]).ravel()
    distance = lambda q: np.array([k(x[None], x[None])[0, 0] for x in q]) - 2 * k(q, X) @ a + a @ K @ a
    free = (a > 1e-6 * C) & (a < C * (1 - 1e-6))
    R2 = distance(X[free])
    print(nu, k.__name__, [float(f"{v:.9g}") for v in distance(Q) - R2.mean()], "surface agrees to", np.ptp(R2), free.sum())
