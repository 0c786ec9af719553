"""Golden values of the metrics of groups.

Tools: scikit-learn 1.9.1 (nmi, ari, f1_score), SciPy's linear_sum_assignment, and the evaluators of logpai/loghub-2.0
at 8046b14 (GA, FGA, PA, FTA), run as they are.
Run: python groups.py EVALUATORS, a folder with evaluator.py, PA_calculator.py and template_level_analysis.py of
loghub-2.0; numpy, pandas, scipy, scikit-learn, regex, tqdm installed.
"""
import contextlib
import io
import sys
import types

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, f1_score, normalized_mutual_info_score

sys.path.insert(0, sys.argv[1])
# template_level_analysis imports a function that it does not call for FTA.
for name in ("evaluation", "evaluation.utils", "evaluation.utils.common"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["evaluation.utils.common"].is_abstract = None
import evaluator, PA_calculator, template_level_analysis

N = 400
truth = np.array([(i * i + 3 * i) % 23 % 12 for i in range(N)])


def split(i, t):
    if t in (2, 5):
        return 2
    if t == 7:
        return 20 + i % 3
    if t == 9 and i % 9 == 0:
        return 1
    return 40 if t == 11 else t


FOUND = [
    np.array([split(i, t) for i, t in enumerate(truth)]),
    np.full(N, 4),
    np.arange(N),
    np.array([(i * 7 + i * i // 5) % 17 for i in range(N)]),
]


def clustering_f1(found):
    true_names, t = np.unique(truth, return_inverse=True)
    found_names, f = np.unique(found, return_inverse=True)
    overlap = np.zeros((len(true_names), len(found_names)))
    np.add.at(overlap, (t, f), 1)
    sizes = overlap.sum(1)[:, None] + overlap.sum(0)
    # Of matchings with equal overlap, the one with the best F1.
    weights = overlap + 2 * overlap / sizes / (2 * min(overlap.shape))
    claimed = {c: r for r, c in zip(*linear_sum_assignment(weights, maximize=True))}
    predicted = np.array([claimed.get(c, -1) for c in f])
    return f1_score(t, predicted, labels=np.arange(len(true_names)), average="macro", zero_division=0)


def frame(ids):
    return pd.DataFrame({"EventTemplate": [str(i) for i in ids], "Content": [""] * N})


rows = {name: [] for name in ("nmi", "ari", "clustering_f1", "grouping_accuracy", "fga", "parsing_accuracy", "fta")}
for found in FOUND:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ga, fga = evaluator.evaluate(frame(truth), frame(found))
        pa = PA_calculator.calculate_parsing_accuracy(frame(truth), frame(found))
        fta = template_level_analysis.evaluate_template_level("", frame(truth), frame(found))[2]
    values = (normalized_mutual_info_score(truth, found), adjusted_rand_score(truth, found), clustering_f1(found),
              ga, fga, pa, fta)
    for name, value in zip(rows, values):
        rows[name].append(float(value))
for name, values in rows.items():
    print(name, values)
