"""Writes segmentation.json: PIL's median filter and an Otsu threshold written here in numpy, on planes by formula.

    /usr/bin/python3 make_reference.py
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter


def plane(width, height, seed):
    state, values = seed, np.empty(width * height, np.uint8)
    for i in range(values.size):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        values[i] = (state >> 16) & 255
    return values.reshape(height, width)


def otsu(values):
    best, threshold = -1.0, 0
    for t in range(256):
        low, high = values[values <= t], values[values > t]
        if low.size and high.size:
            between = low.size * high.size * (low.mean() - high.mean()) ** 2
            if between > best * (1 + 1e-12):
                best, threshold = between, t
    return threshold


def main():
    medians = []
    for width, height, window, seed in [(23, 17, 3, 1), (31, 9, 7, 2), (5, 40, 11, 3)]:
        # PIL repeats edge pixels outwards, as OpenCV's medianBlur does.
        image = Image.fromarray(plane(width, height, seed)).filter(ImageFilter.MedianFilter(window))
        medians.append(dict(width=width, height=height, window=window, seed=seed, values=np.asarray(image).ravel().tolist()))
    thresholds = []
    for seed, divisors in [(4, (1, 1)), (5, (4, 1)), (6, (16, 2))]:
        values = plane(400, 1, seed).ravel()
        mixed = np.where(np.arange(400) % 3 == 0, values // divisors[0], values // divisors[1] // 2 + 64 * (divisors[0] > 1))
        thresholds.append(dict(values=mixed.tolist(), threshold=int(otsu(mixed))))
    Path("segmentation.json").write_text(json.dumps(dict(medians=medians, thresholds=thresholds)) + "\n")


if __name__ == "__main__":
    main()
