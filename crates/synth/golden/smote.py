"""Mean and variance of many rows of imbalanced-learn's SMOTE and SMOTENC, for src/smote/tests.rs.

imbalanced-learn 0.14.0 with scikit-learn 1.7.2 and NumPy 2.4.6. The rare class has columns of deviation 1, so that the
unit of distances is the same.
"""

import imblearn
import numpy as np
import sklearn
from imblearn.over_sampling import SMOTE, SMOTENC

print(imblearn.__version__, sklearn.__version__, np.__version__)
i = np.arange(12)
rare = np.stack([i * 5 % 12, i * i % 7], axis=1).astype(float)
rare /= rare.std(axis=0)
level = i * i % 3 + i % 2
common = np.stack([50.0 + np.arange(100)] * 2, axis=1)
X = np.concatenate([rare, common])
y = np.r_[np.ones(12, int), np.zeros(100, int)]
n = 200_000
# Classes are made as many as asked for; the rows that were there come first.
made, _ = SMOTE(sampling_strategy={0: 100, 1: 12 + n}, random_state=0).fit_resample(X, y)
print([(made[112:, j].mean(), made[112:, j].var()) for j in range(2)])
X = np.column_stack([X, np.r_[level, np.zeros(100)]])
made, _ = SMOTENC([2], sampling_strategy={0: 100, 1: 12 + n}, random_state=0).fit_resample(X, y)
print([(made[112:, j].mean(), made[112:, j].var()) for j in range(2)])
print([(made[112:, 2] == k).mean() for k in range(3)])
