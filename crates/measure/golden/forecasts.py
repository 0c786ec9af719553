"""Golden values of the metrics of forecasts.

Tool: scoringrules 0.10.0 with NumPy (crps_ensemble, es_ensemble, vs_ensemble). Run: python forecasts.py
"""
import numpy as np
import scoringrules as sr

y = np.array([[(t * t * 13 + j * 29) % 31 / 8 - 1.5 for j in range(4)] for t in range(7)])
x = np.array([[[(t * 17 + k * k * 5 + j * 11 + k * j * 3) % 37 / 9 - 1.0 for j in range(4)] for k in range(11)]
              for t in range(7)])


def show(name, values):
    print(name, float(np.mean(values)))


for estimator in ("nrg", "fair"):
    show(f"crps {estimator}", sr.crps_ensemble(y, x, m_axis=1, estimator=estimator))
show("energy_score", sr.es_ensemble(y, x))
# No tool with beta was at hand: the equation with NumPy's norms.
far = np.linalg.norm(x - y[:, None], axis=-1) ** 0.5
near = np.linalg.norm(x[:, :, None] - x[:, None], axis=-1) ** 0.5
show("energy_score beta 0.5", far.mean(1) - near.mean((1, 2)) / 2)
for p in (0.5, 1.0):
    show(f"variogram_score p {p}", sr.vs_ensemble(y, x, p=p))
