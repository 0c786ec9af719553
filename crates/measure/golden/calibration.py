"""Golden values of ece, brier and p_value_uniformity: numpy 2.4.6, scikit-learn 1.9.1, scipy 1.17.1."""
import numpy as np
from scipy.stats import kstest
from sklearn.metrics import brier_score_loss

i = np.arange(200)
level = np.where(i % 10 < 3, 1 + i // 10 % 3, 0)
odd = level > 0
said = (i * i * 7 + i * 13) % 101 / 101 * 0.7 + level * 0.08
p_values = (i * 37 % 211 / 211) ** 0.8


def ece(n_bins):
    edges = np.linspace(0, 1, n_bins + 1)
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (said > low) & (said <= high) | (low == 0) & (said == 0)
        if inside.any():
            total += inside.mean() * abs(odd[inside].mean() - said[inside].mean())
    return float(total)


print("BRIER", float(brier_score_loss(odd, said)))
print("ECE15", ece(15))
print("ECE7", ece(7))
print("KSP", float(kstest(p_values[~odd], "uniform", alternative="greater").statistic))
print("KS2", float(kstest(p_values[~odd], "uniform").statistic))
