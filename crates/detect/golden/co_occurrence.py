"""scikit-learn 1.9.1 (contingency_matrix, mutual_info_score), SciPy (expected_freq): r-values of the data of the test.

There is no public tool for r-values, so the counts and the information come from these and the greedy sum is here.
"""
from itertools import combinations
import numpy as np
from scipy.stats.contingency import expected_freq
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

i = np.arange(60)
a, b = i % 3, (i // 3) % 2
C = np.stack([a, np.where(i % 7 == 6, (i + 1) % 3, a), np.where(i % 11 == 6, 2, a), b, np.where(i % 9 == 6, 1 - b, b)], axis=1)
n, terms = len(C), [[] for _ in i]
for a, b in combinations(range(C.shape[1]), 2):
    met = contingency_matrix(C[:, a], C[:, b])
    bias = (met.shape[0] - 1) * (met.shape[1] - 1) / (2 * n)
    information = mutual_info_score(C[:, a], C[:, b]) - bias
    print(a, b, round(information, 4))
    if information < 0.02:
        continue
    r = (met + 1) / (expected_freq(met) + 1)
    codes = [np.unique(C[:, j], return_inverse=True)[1] for j in (a, b)]
    for row, value in enumerate(-np.log(r[codes[0], codes[1]])):
        terms[row].append((value, {a, b}))
scores = []
for row in terms:
    used, total = set(), 0.0
    for value, columns in sorted(row, key=lambda t: -t[0]):
        if value > 0 and not columns & used:
            total, used = total + value, used | columns
    scores.append(total)
print([float(f"{s:.9g}") for s in scores[:30]])
