"""Reads files written by SlideMesh the way other tools do, and prints what they hold as JSON.

usage: read_outputs.py clam|trident|patches|stamp|torch|png|tiff FILE [X Y]

clam     as CLAM (53e2409) does: datasets.dataset_h5.Whole_Slide_Bag_FP for patches, h5_files for features
trident  as TRIDENT (a91fa84) does: the features, and the attributes of coords
patches  as TRIDENT and CLAM do: where tiles lie, without features
stamp    as STAMP (c54ce06) does
torch    torch.load of CLAM's pt_files
png      Pillow
tiff     openslide-python
"""
import hashlib
import json
import sys

import numpy as np


def plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def clam(path):
    import h5py
    with h5py.File(path, "r") as f:
        features, coords = f["features"][:], f["coords"][:]
        attrs = f["coords"].attrs
        level, size = attrs["patch_level"], attrs["patch_size"]
        return {
            "dtype": str(features.dtype), "shape": features.shape, "sha256": digest(features),
            "coords": coords.tolist(), "coords_kind": coords.dtype.kind,
            "level0_edge": float(size * attrs["downsample"][0]), "patch_level": plain(level),
            "attrs": {k: plain(attrs[k]) for k in
                      ("patch_size", "patch_level", "downsample", "downsampled_level_dim", "level_dim", "name", "save_path")},
        }


def trident(path):
    import h5py
    with h5py.File(path, "r") as f:
        coords = f["coords"]
        attrs = {k: plain(v) for k, v in coords.attrs.items()}
        return {
            "coords_dtype": str(coords.dtype), "shape": f["features"].shape, "attrs": attrs,
            "feature_attrs": {k: plain(v) for k, v in f["features"].attrs.items()},
            "level0_edge": attrs["patch_size"] * attrs["level0_magnification"] / attrs["target_magnification"],
            "root": {k: plain(v) for k, v in f.attrs.items()},
            "quality": f["quality"][:].tolist(),
        }


def patches(path):
    import h5py
    with h5py.File(path, "r") as f:
        coords = f["coords"]
        attrs = {k: plain(v) for k, v in coords.attrs.items()}
        return {"coords_dtype": str(coords.dtype), "coords": coords[:].tolist(), "attrs": attrs, "datasets": list(f),
                "level0_edge": float(attrs["patch_size"] * attrs["downsample"][0])}


def stamp(path):
    import h5py
    with h5py.File(path, "r") as f:
        feats, coords = f["feats"][:], f["coords"][:]
        return {"dtype": str(feats.dtype), "coords_dtype": str(coords.dtype), "feats": feats.astype("float64").tolist(),
                "coords": coords.tolist(), "attrs": {k: plain(v) for k, v in f.attrs.items()}}


def torch(path):
    import torch as pytorch
    tensor = pytorch.load(path)
    return {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "sha256": digest(tensor.numpy())}


def png(path):
    from PIL import Image
    image = Image.open(path)
    return {"mode": image.mode, "size": image.size, "sha256": hashlib.sha256(image.tobytes()).hexdigest()}


def tiff(path, x=0, y=0):
    import openslide
    slide = openslide.OpenSlide(path)
    region = slide.read_region((0, 0), 0, slide.dimensions).convert("RGB")
    return {"dimensions": slide.dimensions, "levels": slide.level_count,
            "resolution": [slide.properties.get("tiff.XResolution"), slide.properties.get("tiff.ResolutionUnit")],
            "mpp": float(slide.properties["openslide.mpp-x"]) if "openslide.mpp-x" in slide.properties else None,
            "corner": region.getpixel((0, 0)), "pixel": region.getpixel((int(x), int(y)))}


print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
