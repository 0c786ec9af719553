"""scikit-learn 1.9.1 KernelDensity: negated score_samples of four training rows and two new ones; then of training rows
with each left out of its own fit."""
import numpy as np
from sklearn.neighbors import KernelDensity

i = np.arange(60)
X = np.stack([(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i**3 + 5) % 89], axis=1) * [64, 37, 41] / 2048.0
X[59] = [10, -1.5, 4.5]
Q = np.r_[X[[0, 7, 15]], [[1, 2, 3], [0.5, 0.25, 0.125]]]
s = np.sqrt(X.var(axis=0).mean())
n, d = X.shape
print("deviation", s)
show = lambda v: [float(f"{x:.9g}") for x in v]
for kernel in ["gaussian", "epanechnikov", "exponential", "linear", "tophat"]:
    print(kernel, show(-KernelDensity(kernel=kernel, bandwidth=1.5).fit(X).score_samples(Q)))
for rule in ["scott", "silverman"]:
    # scikit-learn's rules take the deviation to be 1.
    m = KernelDensity(bandwidth=rule).fit(X / s)
    print(rule, show(-m.score_samples(Q / s) + d * np.log(s)))
h = s * n ** (-1 / (d + 4))
own = [-KernelDensity(bandwidth=h).fit(np.delete(X, k, 0)).score_samples(X[[k]])[0] for k in [0, 7, 15, 59]]
print("left out", show(own))
