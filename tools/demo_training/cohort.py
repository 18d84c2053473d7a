"""Reads a synthetic cohort into tiles: the same grid, views and area resampling as the pipeline uses."""
import csv
import json
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import openslide
from PIL import Image, ImageFilter

VIEWS = (0.5, 1.0, 2.0)
TILE_PX = 256
MINIMUM_TISSUE = 0.3
MASK_MPP = 8.0
MASK_SATURATION = 18


@dataclass
class Slide:
    """A slide's labels, its omics row (None when the case has none) and its truth grid."""

    slide_id: str
    origin: str
    site: str
    sex: float
    grade: int
    tmb: float
    tmb_high: int
    omics: np.ndarray
    truth: "Truth"  # None where no slide was painted


class Truth:
    """Cell classes on a grid; ``shares`` gives the class shares of a square in level-0 pixels."""

    def __init__(self, classes, cell_px, grid):
        self.classes, self.cell_px = classes, cell_px
        onehot = np.eye(len(classes), dtype=np.float32)[grid]
        self.sums = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1, len(classes)), np.float32)
        self.sums[1:, 1:] = onehot.cumsum(0).cumsum(1)

    def shares(self, x, y, size):
        near, far_x, far_y, both = (self.area(*p) for p in ((x, y), (x + size, y), (x, y + size), (x + size, y + size)))
        total = np.maximum(both - far_x - far_y + near, 0)
        return total / total.sum()

    def area(self, x, y):
        """Cells of each class above and left of the point: linear between the corners of cells, as cells are uniform."""
        height, width = self.sums.shape[0] - 1, self.sums.shape[1] - 1
        u, v = min(x / self.cell_px, width - 1e-6), min(y / self.cell_px, height - 1e-6)
        i, j, u, v = int(v), int(u), u % 1, v % 1
        upper = self.sums[i, j] * (1 - u) + self.sums[i, j + 1] * u
        lower = self.sums[i + 1, j] * (1 - u) + self.sums[i + 1, j + 1] * u
        return upper * (1 - v) + lower * v


class Tables:
    """A cohort's cases as its two tables give them, without slides (``slidemesh-synth cohort --tables-only``)."""

    def __init__(self, folder):
        folder = Path(folder)
        self.genes, omics = read_omics(folder / "omics.csv")
        self.slides = [read_slide(row, omics, None) for row in read_rows(folder / "cohort.csv")]


class Cohort:
    """Slides and all their tissue tiles: ``tiles`` is a memory map [n, 256, 256, 3]; row i lies on slide ``slide[i]``."""

    def __init__(self, folder, cache):
        folder, cache = Path(folder), Path(cache)
        self.genes, omics = read_omics(folder / "omics.csv")
        rows = read_rows(folder / "cohort.csv")
        self.slides = [read_slide(row, omics, read_truth(folder / "truth" / f"{row['slide_id']}.json")) for row in rows]
        if not (cache / "index.npz").exists():
            cut_tiles([str(folder / row["slide"]) for row in rows], cache)
        index = np.load(cache / "index.npz")
        self.slide, self.view, self.x, self.y, self.mpp = (index[k] for k in ("slide", "view", "x", "y", "mpp"))
        self.tiles = np.memmap(cache / "tiles.u8", np.uint8, "r", shape=(len(self.slide), TILE_PX, TILE_PX, 3))

    def shares(self, i, offset_x=0, offset_y=0, size=TILE_PX):
        """Class shares of a crop of tile ``i``, given in the tile's own pixels."""
        slide = self.slides[self.slide[i]]
        scale = VIEWS[self.view[i]] / self.mpp[self.slide[i]]
        return slide.truth.shares(self.x[i] + offset_x * scale, self.y[i] + offset_y * scale, size * scale)


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_omics(path):
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        genes = next(reader)[1:]
        return genes, {row[0]: np.array([float(v) if v else np.nan for v in row[1:]]) for row in reader}


def read_slide(row, omics, truth):
    high = {"true": 1, "false": 0}.get(row["tmb_high"].lower())
    return Slide(
        row["slide_id"], row["origin"], row["site"], {"F": 0.0, "M": 1.0}.get(row["sex"], 0.5), int(row["grade"]),
        float(row["tmb"]), int(row["tmb_high"]) if high is None else high, omics.get(row["case_id"]), truth)


def read_truth(path):
    data = json.loads(path.read_text())
    return Truth(data["classes"], data["cell_px"], np.array(data["cells"], int))


def cut_tiles(paths, cache):
    """Cuts all tissue tiles of the slides into one file; two processes, results in order."""
    cache.mkdir(parents=True, exist_ok=True)
    columns = {"slide": [], "view": [], "x": [], "y": []}
    resolution = []
    with open(cache / "tiles.u8", "wb") as file, Pool(2) as pool:
        for number, (mpp, tiles) in enumerate(pool.imap(tissue_tiles, paths)):
            resolution.append(mpp)
            for view, x, y, pixels in tiles:
                file.write(pixels.tobytes())
                for key, value in zip(columns, (number, view, x, y)):
                    columns[key].append(value)
    np.savez(cache / "index.npz", mpp=np.array(resolution), **{k: np.array(v) for k, v in columns.items()})


def tissue_tiles(path):
    """(µm per level-0 pixel, [(view index, x, y in level-0 pixels, RGB tile)])."""
    slide = openslide.open_slide(path)
    mpp = microns_per_pixel(slide)
    mask, step = tissue_mask(slide, mpp)
    result = []
    for number, view in enumerate(VIEWS):
        level, image = whole_view(slide, view / mpp)
        edge = TILE_PX * view / mpp
        read = TILE_PX * view / mpp / slide.level_downsamples[level]
        for row in range(int(slide.dimensions[1] / edge + 1e-6)):
            for column in range(int(slide.dimensions[0] / edge + 1e-6)):
                x, y = round(column * edge), round(row * edge)
                covered = mask[int(y / step):max(int(y / step) + 1, round((y + edge) / step)),
                               int(x / step):max(int(x / step) + 1, round((x + edge) / step))]
                if covered.size == 0 or covered.mean() < MINIMUM_TISSUE:
                    continue
                left, top = round(x / slide.level_downsamples[level]), round(y / slide.level_downsamples[level])
                size = round(read)
                tile = image[top:top + size, left:left + size]
                if tile.shape[:2] != (size, size):
                    continue
                if size != TILE_PX:
                    tile = np.asarray(Image.fromarray(tile).resize((TILE_PX, TILE_PX), Image.BOX))
                result.append((number, x, y, np.ascontiguousarray(tile)))
    return mpp, result


def microns_per_pixel(slide):
    """OpenSlide before 4.0 leaves the resolution of a plain TIFF in its tags."""
    if openslide.PROPERTY_NAME_MPP_X in slide.properties:
        return float(slide.properties[openslide.PROPERTY_NAME_MPP_X])
    unit = {"centimeter": 10000.0, "inch": 25400.0}[slide.properties["tiff.ResolutionUnit"]]
    return unit / float(slide.properties["tiff.XResolution"])


def whole_view(slide, downsample):
    """The coarsest level that is at least as fine as wanted (1 % slack), as one RGB array."""
    levels = [i for i, d in enumerate(slide.level_downsamples) if d <= downsample * 1.01]
    level = levels[-1] if levels else 0
    return level, rgb(slide.read_region((0, 0), level, slide.level_dimensions[level]))


def rgb(region):
    white = Image.new("RGB", region.size, (255, 255, 255))
    white.paste(region, mask=region.split()[3])
    return np.asarray(white)


def tissue_mask(slide, mpp):
    """(boolean mask, level-0 pixels per mask pixel): median-filtered saturation above a fixed threshold."""
    level, image = whole_view(slide, MASK_MPP / mpp)
    step = MASK_MPP / mpp
    size = (max(1, round(slide.dimensions[0] / step)), max(1, round(slide.dimensions[1] / step)))
    small = Image.fromarray(image).resize(size, Image.BOX)
    saturation = small.convert("HSV").split()[1].filter(ImageFilter.MedianFilter(3))
    return np.asarray(saturation) > MASK_SATURATION, step
