"""Golden values of severity_concordance, kendall_tau, auroc_by_level: scipy 1.17.1, scikit-learn 1.9.1."""
import numpy as np
from scipy.stats import kendalltau
from sklearn.metrics import roc_auc_score

i = np.arange(200)
level = np.where(i % 10 < 3, 1 + i // 10 % 3, 0)
score = np.floor((i * i * 7 + i * 13) % 101 / 101 * 20) + level
won, pairs = 0.0, 0
for a in i:
    for b in i[level < level[a]]:
        pairs += 1
        won += 1.0 if score[a] > score[b] else 0.5 if score[a] == score[b] else 0.0
rows = [(level == 0) | (level == one) for one in (1, 2, 3)]
print("CIDX", won / pairs)
print("TAU", float(kendalltau(score, level).statistic))
print("ABL", ", ".join(str(float(roc_auc_score(level[row] > 0, score[row]))) for row in rows))
