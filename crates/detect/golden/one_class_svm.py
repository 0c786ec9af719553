"""scikit-learn 1.9.1 OneClassSVM: negated decision_function of four training rows and three new ones."""
import numpy as np
from sklearn.svm import OneClassSVM

i = np.arange(60)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1) * [64, 37, 41] / 2048.0
X[59] = [10, -1.5, 4.5]
new = np.array([[1, 2, 3], [-5, 0, 0], X[7]], dtype=float)
# nu n is not whole, so that a row lies on the boundary; where none does, libsvm may take the remainder of a rounding for one.
settings = [
    dict(nu=0.5, gamma="auto"),
    dict(nu=0.1, gamma="scale"),
    dict(nu=0.3, gamma=0.9),
    dict(nu=0.51, kernel="linear"),
    dict(nu=0.31, kernel="poly", degree=3, gamma=0.1, coef0=1.0),
    dict(nu=0.31, kernel="sigmoid", gamma=0.01, coef0=-0.5),
]
for s in settings:
    m = OneClassSVM(tol=1e-8, **s).fit(X)
    got = -m.decision_function(np.r_[X[[0, 7, 15, 59]], new])
    loose = -OneClassSVM(**s).fit(X).decision_function(np.r_[X[[0, 7, 15, 59]], new])
    print(s, [float(f"{v:.9g}") for v in got], "tol 1e-3 differs by", np.abs(got - loose).max())
