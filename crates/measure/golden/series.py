"""Golden values of the metrics of series and of the dominant period.

Tools: TSB-AD 1.5 (vus_*, event_f1, point_adjusted_f1, dominant_period, affiliation_*, whose authors' code it holds),
prts 1.0.0.3 (range_*), PATE 0.1.1 (pate), numenta/NAB ea702d7 nab/sweeper.py (nab_*).
Run: python series.py, with the packages' folders on PYTHONPATH; numpy, scipy, scikit-learn, statsmodels installed.
"""
import numpy as np


def fixture(n, runs, score):
    label = np.zeros(n, dtype=int)
    for a, b in runs:
        label[a:b] = 1
    return label, np.array([score(i, label[i]) for i in range(n)], dtype=float)


FIXTURES = [
    fixture(300, [(40, 60), (100, 101), (150, 180), (183, 190)], lambda i, l: (i*i*7 + i*13) % 101 / 101 + 0.4*l),
    fixture(200, [(0, 10), (190, 200)], lambda i, l: (i*i*3 + i*5) % 7 + 2.0*l),
    fixture(500, [(50, 55), (60, 66), (70, 71), (300, 340)], lambda i, l: (i*i*11 + i) % 251 / 251 + 0.2*l),
    fixture(120, [(30, 45)], lambda i, l: (i*37) % 50 / 100 + (0.6 if 38 <= i < 53 else 0.0)),
]
ALARMS_ABOVE = [1.0, 5.5, 0.9, 0.9]


def show(name, values):
    print(name, [float(v) for v in values])


def vus():
    from TSB_AD.evaluation.basic_metrics import generate_curve
    for window in (0, 1, 10, 35):
        got = [generate_curve(l, s, window, "opt", 250)[-2:] for l, s in FIXTURES]
        show(f"vus_roc {window}", [g[0] for g in got])
        show(f"vus_pr {window}", [g[1] for g in got])
    got = [generate_curve(l, s, 10, "opt", 20)[-2:] for l, s in FIXTURES]
    show("vus_roc 10, 20 thresholds", [g[0] for g in got])


def period():
    from TSB_AD.utils.slidingWindows import find_length_rank
    def wave(n, period, noise):
        return np.array([np.sin(2*np.pi*i/period) + noise*((i*i*7 + i*13) % 101/101 - 0.5) for i in range(n)])
    cases = [(1000, 24.0, 0.5), (30000, 97.3, 1.0), (2000, 350.0, 0.0), (500, 5.0, 0.2), (40, 12.0, 0.1),
             (700, 6.5, 4.0)]
    show("dominant_period", [find_length_rank(wave(*c), rank=1) for c in cases])


if __name__ == "__main__":
    vus()
    period()
