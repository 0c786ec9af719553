"""Average precision of cleanlab's label quality on the planted rows of src/wrong_numbers/tests.rs.

cleanlab==2.9.0 scikit-learn numpy; run by `cargo xtask golden wrong_numbers`.
"""

import math

import numpy as np
from cleanlab.regression.learn import CleanLearning
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.metrics import average_precision_score

MASK = (1 << 64) - 1


def planted(n, seed):
    state = seed

    def uniform():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        return (state >> 11) / (1 << 53)

    rows, wrong = np.zeros((n, 5), np.float32), np.zeros(n, bool)
    for i in range(n):
        x = [uniform() for _ in range(4)]
        noise = sum(uniform() for _ in range(12)) - 6.0
        y = 5.0 * math.sin(6.0 * x[0]) + 4.0 * x[1] * x[1] + (0.1 + 2.9 * x[2] * x[2]) * noise
        if i % 25 == 12:
            wrong[i] = True
            y += 4.0 if i % 2 == 0 else -4.0
        rows[i] = [*x, y]
    return rows, wrong


for seed in (1, 2, 3):
    rows, wrong = planted(1000, seed)
    np.random.seed(0)
    model = ExtraTreesRegressor(100, min_samples_leaf=5, random_state=0)
    found = CleanLearning(model, cv_n_folds=5, n_boot=5, seed=0).find_label_issues(rows[:, :4], rows[:, 4])
    quality = found["label_quality"].to_numpy()
    plain = np.abs(found["predicted_label"] - rows[:, 4])
    print(seed, round(average_precision_score(wrong, -quality), 4), round(average_precision_score(wrong, plain), 4))
