"""RoughPy 0.3.0: signature and logarithm of a path of three channels to depth 3, compared to 1e-8. Of the logarithm, a
Lie element in a Hall basis, the numbers at Lyndon words of its expansion are printed.

Run: python signature.py, with the versions of xtask/golden-requirements.txt.
"""
import numpy as np
import roughpy as rp

i = np.arange(60)
path = (((i * i * 7 + i * 13) % 101) / 101).reshape(20, 3)
ctx = rp.get_context(width=3, depth=3, coeffs=rp.DPReal)
stream = rp.LieIncrementStream.from_increments(np.diff(path, axis=0), ctx=ctx)
whole = rp.RealInterval(0, 100)
digits = lambda values: [float(f"{v:.10g}") for v in values]
print(digits(np.array(stream.signature(whole))[1:]))
log = np.array(ctx.lie_to_tensor(stream.log_signature(whole)))
start, words = 1, []
for depth in [1, 2, 3]:
    for number in range(3**depth):
        word = [number // 3**k % 3 for k in reversed(range(depth))]
        if all(word < word[k:] + word[:k] for k in range(1, depth)):
            words.append(start + number)
    start += 3**depth
print(digits(log[words]))
