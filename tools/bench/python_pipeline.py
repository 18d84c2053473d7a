#!/usr/bin/python3
"""The pipeline that a researcher writes: openslide-python, PIL, PyTorch eager, a DataLoader.

    python_pipeline.py SLIDE FEATURES.h5 resnet50.pt WORKERS BATCH TILES    prints "tiles seconds tiles-per-second cosine"

Reads the first TILES tiles whose corners FEATURES.h5 lists, with the same weights, and compares its features with those in the file: the
last number is the least cosine over all tiles. WORKERS 0 reads in the main process.
"""
import sys
import time

import h5py
import numpy as np
import openslide
import torch
import torchvision
from PIL import Image

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class Tiles(torch.utils.data.Dataset):
    def __init__(self, path, corners, read_px, level, size_px):
        self.path, self.corners, self.read_px, self.level, self.size_px = path, corners, read_px, level, size_px
        self.slide = None

    def __len__(self):
        return len(self.corners)

    def __getitem__(self, i):
        if self.slide is None:
            self.slide = openslide.OpenSlide(self.path)
        x, y = (int(v) for v in self.corners[i])
        tile = self.slide.read_region((x, y), self.level, (self.read_px, self.read_px))
        rgb = Image.new("RGB", tile.size, (255, 255, 255))
        rgb.paste(tile, mask=tile.split()[3])
        if self.read_px != self.size_px:
            rgb = rgb.resize((self.size_px, self.size_px), Image.BOX)
        pixels = torch.from_numpy(np.asarray(rgb).copy()).permute(2, 0, 1).float().div_(255)
        return (pixels - MEAN) / STD


def main(slide, features, weights, workers, batch, tiles):
    with h5py.File(features) as file:
        ours = file["features"][:tiles]
        corners = file["coords"][:tiles]
        attributes = dict(file["coords"].attrs)
        size_px = int(file.attrs["tile_size_px"])
    model = torchvision.models.resnet50(weights=None)
    model.fc = torch.nn.Identity()
    model.load_state_dict(torch.load(weights))
    model.eval()
    dataset = Tiles(slide, corners, int(attributes["patch_size"]), int(attributes["patch_level"]), size_px)
    torch.set_num_threads(2)
    with torch.inference_mode():
        model(torch.zeros(batch, 3, size_px, size_px))
        started = time.perf_counter()
        rows = [model(x).numpy() for x in torch.utils.data.DataLoader(dataset, batch_size=batch, num_workers=workers)]
        seconds = time.perf_counter() - started
    theirs = np.concatenate(rows)
    cosine = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    print(f"{len(theirs)} {seconds:.3f} {len(theirs) / seconds:.2f} {cosine.min():.7f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
