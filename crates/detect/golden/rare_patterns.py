"""mlxtend 0.25.0 (fpgrowth), pandas: FPOF of twelve rows of three categories, support 0.25, all lengths."""
import numpy as np
import pandas as pd
from mlxtend.frequent_patterns import fpgrowth

i = np.arange(12)
C = np.stack([i % 2, (i * i) % 3, np.where(i == 11, 5, (i // 2) % 2)], axis=1)
items = pd.DataFrame({(j, v): C[:, j] == v for j in range(3) for v in np.unique(C[:, j])})
items.columns = [f"{j}={v}" for j, v in items.columns]
found = fpgrowth(items, min_support=0.25, use_colnames=True)
held = lambda row, names: all(items.iloc[row][list(names)])
print(len(found))
print([float(f"{1 - sum(s for s, x in zip(found.support, found.itemsets) if held(r, x)) / len(found):.9g}") for r in range(12)])
