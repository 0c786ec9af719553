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


# Several channels: the k nearest or, with `discords`, the k farthest channels of each pair of windows.
def channel(n, step, shift):
    i = np.arange(shift, n + shift, dtype=float)
    x = np.sin(i * step) + ((i * i * 7 + i * 13) % 101) / 101.0
    x[(i >= 40) & (i < 52)] = 2.0
    return x


three = np.stack([channel(120, 0.31, 0), channel(120, 0.17, 5), channel(120, 0.23, 11)])
for discords in [False, True]:
    profile, _ = stumpy.mstump(three, m, discords=discords)
    for k in range(3):
        picked = [f"{float(profile[k, i]):.9g}" for i in [0, 3, 20, 33, 37, 44, 60, 90, 112]]
        print("MANY", "Farthest" if discords else "Nearest", k + 1, "[" + ", ".join(picked) + "]")
