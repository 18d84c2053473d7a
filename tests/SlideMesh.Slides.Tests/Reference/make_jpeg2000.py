"""Makes the JPEG 2000 tiles of the tests with Pillow (OpenJPEG's encoder): 64 px, 9/7 wavelet, three decompositions.

    python3 make_jpeg2000.py        writes tile-rgb.j2k and tile-ycbcr.j2k beside itself
"""
import os

import numpy
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
y, x = numpy.mgrid[0:64, 0:64]
noise = numpy.random.default_rng(5).integers(-20, 20, (64, 64, 3))
picture = numpy.stack([120 + 90 * numpy.sin(x / 7), 40 + 3 * y, 200 - 2 * x], axis=2) + noise
image = Image.fromarray(numpy.clip(picture, 0, 255).astype(numpy.uint8))
options = dict(format="JPEG2000", no_jp2=True, irreversible=True, num_resolutions=4, quality_mode="rates", quality_layers=[8])
image.save(os.path.join(here, "tile-rgb.j2k"), mct=1, **options)
image.convert("YCbCr").save(os.path.join(here, "tile-ycbcr.j2k"), mct=0, **options)
