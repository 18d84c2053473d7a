"""Writes the reference values that the tests compare with: PIL, numpy and openslide-python. Run from this folder:

    /usr/bin/python3 make_reference.py FOLDER_WITH_REAL_SLIDES

resample.json  pictures by formula, resampled by PIL's reduce (whole factors) and by exact area weights in numpy float64.
regions.json   raw pixels over white of small regions of the real slides, read by openslide-python.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import openslide
from PIL import Image


def noise(width, height, seed):
    state, values = seed, np.empty(width * height * 3, np.uint8)
    for i in range(values.size):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        values[i] = (state >> 16) & 255
    return values.reshape(height, width, 3)


def area_weights(source, destination):
    scale = source / destination
    pixel = np.arange(source)
    out = np.arange(destination)[:, None]
    overlap = np.minimum((out + 1) * scale, pixel + 1) - np.maximum(out * scale, pixel)
    return np.clip(overlap, 0, None) / scale


def area(image, width, height):
    x = area_weights(image.shape[1], width)
    y = area_weights(image.shape[0], height)
    return np.einsum("yj,xi,jic->yxc", y, x, image.astype(np.float64))


def resample_cases():
    cases = []
    for (sw, sh, dw, dh, seed) in [(24, 20, 12, 10, 1), (30, 21, 10, 7, 2), (32, 48, 8, 12, 3)]:
        result = np.asarray(Image.fromarray(noise(sw, sh, seed)).reduce((sw // dw, sh // dh)))
        cases.append(dict(by="PIL reduce", source=[sw, sh], seed=seed, size=[dw, dh], values=result.ravel().tolist()))
    for (sw, sh, dw, dh, seed) in [(29, 23, 12, 7, 4), (41, 17, 40, 16, 5), (37, 30, 5, 30, 6)]:
        result = area(noise(sw, sh, seed), dw, dh).round(3)
        cases.append(dict(by="numpy area", source=[sw, sh], seed=seed, size=[dw, dh], values=result.ravel().tolist()))
    return cases


def region_cases(folder):
    cases = []
    for name, x, y, level, width, height in [
        ("CMU-1-Small-Region.svs", 900, 900, 0, 16, 12),
        ("CMU-1-Small-Region.svs", 471, 1433, 0, 12, 16),
        ("CMU-1-Small-Region.svs", 2212, 400, 0, 16, 8),
        ("CMU-1-Small-Region.svs", -5, -3, 0, 16, 8),
        ("TCGA-CR-7395-01A-01-TS1.svs", 2000, 1500, 0, 16, 12),
        ("TCGA-CR-7395-01A-01-TS1.svs", 1024, 1024, 1, 12, 12),
    ]:
        slide = openslide.OpenSlide(str(folder / name))
        region = slide.read_region((x, y), level, (width, height))
        white = Image.new("RGB", region.size, (255, 255, 255))
        white.paste(region, mask=region.getchannel("A"))
        cases.append(dict(slide=name, x=x, y=y, level=level, width=width, height=height,
                          rgb=base64.b64encode(white.tobytes()).decode()))
    return cases


if __name__ == "__main__":
    Path("resample.json").write_text(json.dumps(resample_cases()) + "\n")
    Path("regions.json").write_text(json.dumps(region_cases(Path(sys.argv[1])), indent=1) + "\n")
