"""The other side of read.sh: tiles by openslide-python, shrunk by Pillow where asked. One thread.

    read_openslide.py tiles SLIDE SIZE STRIDE OUT ROWS    the first ROWS rows of a grid of SIZE px regions, STRIDE px apart, each shrunk to OUT px
    read_openslide.py planes EDGE REPEATS                 pixels to normalised NCHW float with NumPy, the fastest way found
    read_openslide.py planes-plain EDGE REPEATS           the same as it is usually written

Says "ready" when warm, then takes one turn for every line of standard input and answers with tiles per second, by the clock and
by processor time.
"""
import sys
import time

import numpy
from PIL import Image


def tiles(path, size, stride, out, rows):
    import openslide
    slide = openslide.OpenSlide(path)
    columns = (slide.dimensions[0] - size) // stride + 1

    def walk(row):
        for column in range(columns):
            tile = slide.read_region((column * stride, row * stride), 0, (size, size)).convert("RGB")
            if out != size:
                # BOX is Pillow's area average, and its fastest filter at a whole ratio.
                tile = tile.resize((out, out), Image.BOX)

    def turn():
        for row in range(rows):
            walk(row)
        return rows * columns

    return turn


def planes(edge, repeats, plain):
    mean = numpy.array([0.485, 0.456, 0.406], numpy.float32)
    std = numpy.array([0.229, 0.224, 0.225], numpy.float32)
    tile = numpy.random.default_rng(1).integers(0, 256, (edge, edge, 3), numpy.uint8)
    target = numpy.empty((3, edge, edge), numpy.float32)
    scale = (1 / (255 * std))[:, None, None]
    bias = (mean / std)[:, None, None]

    def once():
        if plain:
            return numpy.ascontiguousarray(((tile.astype(numpy.float32) / 255 - mean) / std).transpose(2, 0, 1))
        # Of four formulations the fastest here: split first, then in place.
        numpy.copyto(target, tile.transpose(2, 0, 1))
        numpy.multiply(target, scale, out=target)
        return numpy.subtract(target, bias, out=target)

    assert numpy.abs(once() - (tile.transpose(2, 0, 1) / 255 - mean[:, None, None]) / std[:, None, None]).max() < 1e-5

    def turn():
        for _ in range(repeats):
            once()
        return repeats

    return turn


if sys.argv[1] == "tiles":
    work = tiles(sys.argv[2], *map(int, sys.argv[3:7]))
else:
    work = planes(int(sys.argv[2]), int(sys.argv[3]), sys.argv[1] == "planes-plain")
work()
print("ready", flush=True)
for _ in sys.stdin:
    clock, processor = time.perf_counter(), time.process_time()
    count = work()
    print(f"{count / (time.perf_counter() - clock):.1f} {count / (time.process_time() - processor):.1f}", flush=True)
