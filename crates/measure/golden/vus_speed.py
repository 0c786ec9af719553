"""Writes a series of 100,000 points to the file named first and times TSB-AD 1.5's VUS on it (window 100)."""
import sys
import time

import numpy as np
from TSB_AD.evaluation.basic_metrics import generate_curve

random = np.random.default_rng(0)
label = np.zeros(100_000, dtype=int)
for start in range(2_000, 98_000, 5_000):
    label[start:start + random.integers(20, 300)] = 1
score = random.random(len(label)) + 0.5*label
np.savetxt(sys.argv[1], np.column_stack([score, label]), fmt=["%.17g", "%d"], delimiter=",")
for version in ("opt", "opt_mem"):
    start = time.time()
    got = generate_curve(label, score, 100, version, 250)[-2:]
    print(version, [float(v) for v in got], round(time.time() - start, 2), "s")
