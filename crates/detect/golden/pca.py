"""scikit-learn 1.9 PCA on standardised columns: y^2 / explained_variance, population variances.

PyOD's PCA adds up distances between rows and the tips of the unit eigenvectors, divided by variance shares; that is
another formula than the paper's, so scikit-learn's components are the reference.
"""
import numpy as np
from sklearn.decomposition import PCA

i = np.arange(12)
X = np.stack([(i * 7) % 11, (i * i) % 5 + 0.5 * i, np.where(i == 11, 9, i // 3), (i * 5) % 7 - i], axis=1).astype(float)
Z = (X - X.mean(0)) / X.std(0)
pca = PCA(svd_solver="full").fit(Z)
variance = pca.explained_variance_ * 11 / 12
terms = pca.transform(Z) ** 2 / variance
show = lambda v: print([float(f"{s:.9g}") for s in v])
show(variance)
show(terms.sum(1))
show(terms[:, :2].sum(1))
show((pca.transform(Z) ** 2)[:, 2:].sum(1))
