"""Writes tiles.json: a tile of CMU-1-Small-Region as openslide-python and PIL make it. Run from this folder:

    /usr/bin/python3 make_reference.py FOLDER_WITH_REAL_SLIDES

The tile is 512 x 512 level-0 pixels at (512, 1024), reduced to 256 x 256 by PIL's reduce(2); its 16 x 16 block means are written.
"""

import json
import sys
from pathlib import Path

import numpy as np
import openslide

NAME = "CMU-1-Small-Region.svs"

if __name__ == "__main__":
    slide = openslide.OpenSlide(str(Path(sys.argv[1]) / NAME))
    tile = np.asarray(slide.read_region((512, 1024), 0, (512, 512)).convert("RGB").reduce(2)).astype(float)
    means = tile.reshape(16, 16, 16, 16, 3).mean(axis=(1, 3))
    Path("tiles.json").write_text(json.dumps(dict(slide=NAME, x=512, y=1024, means=means.round(3).ravel().tolist())) + "\n")
