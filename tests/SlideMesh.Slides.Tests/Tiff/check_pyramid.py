#!/usr/bin/python3
"""Checks a pyramid written by SlideMesh with readers that are not ours: OpenSlide, tifffile and Pillow.

usage: check_pyramid.py SLIDE.tiff [MICRONS_PER_PIXEL]

Levels and resolution as OpenSlide sees them; every level's pixels as OpenSlide reads them against the same tiles decoded by
Pillow; every level against the box average of the one before. Exits with 1 at the first difference. Needs Debian's
python3-openslide, python3-tifffile, python3-pil and python3-numpy.
"""
import io
import sys

import numpy as np
import openslide
import tifffile
from PIL import Image

TILES = 40  # tiles looked at per level, evenly spread


def main(path, microns_per_pixel):
    slide = openslide.OpenSlide(path)
    pages = tifffile.TiffFile(path).pages
    check(slide.properties["openslide.vendor"] == "generic-tiff", "OpenSlide takes it for another format")
    check(slide.level_count == len(pages), "OpenSlide leaves levels out")
    if microns_per_pixel:
        check(slide.properties["tiff.ResolutionUnit"] == "centimeter", "resolution unit")
        seen = 10000 / float(slide.properties["tiff.XResolution"])
        check(abs(seen - microns_per_pixel) < 1e-6, f"microns per pixel are {seen}")
    with open(path, "rb") as file:
        for level, page in enumerate(pages):
            check(slide.level_dimensions[level] == (page.imagewidth, page.imagelength), f"size of level {level}")
            against_pillow(slide, file, level, page)
            if level:
                against_finer_level(slide, level)
    print(f"{path}: {slide.level_count} levels, all well")


def against_pillow(slide, file, level, page):
    edge = page.tilewidth
    columns = -(-page.imagewidth // edge)
    for index in np.linspace(0, len(page.dataoffsets) - 1, TILES).astype(int):
        file.seek(page.dataoffsets[index])
        tile = Image.open(io.BytesIO(file.read(page.databytecounts[index]))).convert("RGB")
        x, y = index % columns * edge, index // columns * edge
        width, height = min(edge, page.imagewidth - x), min(edge, page.imagelength - y)
        difference = np.abs(read(slide, level, x, y, width, height) - np.asarray(tile, int)[:height, :width])
        check(difference.max() <= 4, f"level {level}, tile {index}: differs by {difference.max()}")


def against_finer_level(slide, level):
    factor = round(slide.level_dimensions[level - 1][0] / slide.level_dimensions[level][0])
    width, height = (min(512, side // factor) for side in slide.level_dimensions[level - 1])
    finer = read(slide, level - 1, 0, 0, width * factor, height * factor)
    mean = finer.reshape(height, factor, width, factor, 3).mean((1, 3))
    difference = np.abs(read(slide, level, 0, 0, width, height) - mean).mean()
    check(difference < 4, f"level {level} is not the average of level {level - 1}: {difference:.1f}")


def read(slide, level, x, y, width, height):
    # OpenSlide takes the corner in level-0 pixels and derives the downsample from the sizes (31.99 where edges were rounded up).
    scale = slide.level_downsamples[level]
    return np.asarray(slide.read_region((round(x * scale), round(y * scale)), level, (width, height)).convert("RGB"), int)


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else None)
