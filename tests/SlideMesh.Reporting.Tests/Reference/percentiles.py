"""Percentile ranks as CLAM's heatmaps take them (scipy.stats.rankdata, method average, divided by the count), with NumPy alone.

Prints the numbers that HeatmapScaleTests holds."""
import numpy as np

values = np.array([0.5, -1.25, 3.0, 0.5, 0.5, 2.0, -1.25, 9.5], dtype=np.float32)
below = (values[None, :] < values[:, None]).sum(1)
equal = (values[None, :] == values[:, None]).sum(1)
print(((below + (equal + 1) / 2) / len(values)).tolist())
print(np.quantile(values.astype(np.float64), [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist())
