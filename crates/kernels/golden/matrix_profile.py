"""stumpy 1.14.1: self-join, left profile and AB-join of short series with constant stretches; rtol 1e-6, as stumpy's own tests."""
import numpy as np
import stumpy


def series(n, step):
    i = np.arange(n, dtype=float)
    x = np.sin(i * step) + ((i * i * 7 + i * 13) % 101) / 101.0
    x[40:52] = 2.0
    x[70:83] = -1.0
    return x


a, b, m = series(120, 0.31), series(90, 0.29), 8
own = stumpy.stump(a, m)
joined = stumpy.stump(b, m, T_B=a, ignore_trivial=False)
left = [np.inf if j < 0 else stumpy.core.mass(a[i:i + m], a)[j] for i, j in enumerate(own[:, 2])]
for name, distances, starts in [("SELF", own[:, 0], own[:, 1]), ("BEFORE", left, own[:, 2]), ("JOIN", joined[:, 0], joined[:, 1])]:
    print(name)
    for i in [0, 3, 20, 39, 40, 44, 45, 60, 72, 75, 82]:
        print(f"    ({i}, {starts[i]}, {float(distances[i]):.9g}),")
