"""Writes features files with h5py as other tools do, from one of SlideMesh's own, so that what is read from them can be compared.

usage: write_features.py tools SOURCE.h5 FOLDER NAME    the same features in every tool's layout, as NAME
       write_features.py odd SOURCE.h5 FOLDER           files with something wrong or unusual about them, named after it

clam     as CLAM (53e2409) does: utils/file_utils.save_hdf5 (resizable, a chunk per row), coords int32, no attributes on features files
trident  as TRIDENT (a91fa84) does: encoder as an attribute of features, the geometry as attributes of coords
stamp    as STAMP (c54ce06) does: float16, coordinates in um
half     clam, with the numbers that are left after float16
"""
import os
import sys

import h5py
import numpy as np


def read(path):
    with h5py.File(path, "r") as f:
        return f["features"][:], f["coords"][:], dict(f["coords"].attrs), dict(f.attrs)


def made(*parts):
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def resizable(f, name, values, **options):
    return f.create_dataset(name, data=values, maxshape=(None,) + values.shape[1:], chunks=(1,) + values.shape[1:], **options)


def clam(path, features, coords):
    with h5py.File(path, "w") as f:
        resizable(f, "features", features)
        resizable(f, "coords", coords.astype(np.int32))


def trident(path, name, features, coords, attrs, encoder, size=256, magnification=20, patches=False):
    with h5py.File(path, "w") as f:
        if not patches:
            features = resizable(f, "features", features)
            features.attrs.update({"name": name, "savetodir": "/data/features", "encoder": encoder})
        coords = resizable(f, "coords", coords.astype(np.int64))
        coords.attrs.update({
            "patch_size": size, "patch_size_level0": int(attrs["patch_size_level0"]), "level0_magnification": 20,
            "target_magnification": magnification, "overlap": 0, "name": name, "savetodir": "/data/patches",
            "level0_width": int(attrs["level0_width"]), "level0_height": int(attrs["level0_height"])})


def stamp(path, features, coords, mpp, extractor):
    with h5py.File(path, "w") as f:
        f["coords"] = (coords * mpp).astype(np.float32)
        f["feats"] = features.astype(np.float16)
        f.attrs.update({"stamp_version": "2.3.0", "extractor": extractor, "unit": "um", "tile_size_um": 128.0, "tile_size_px": 256,
                        "code_hash": "8a7b", "feat_type": "tile"})


def tools(source, folder, name):
    features, coords, attrs, root = read(source)
    clam(made(folder, "clam", "h5_files", f"{name}.h5"), features, coords)
    view = os.path.join(folder, "trident", "20x_256px_0px_overlap")
    trident(made(view, "features_demo_encoder", f"{name}.h5"), name, features, coords, attrs, "demo_encoder")
    trident(made(view, "patches", f"{name}_patches.h5"), name, features, coords, attrs, "demo_encoder", patches=True)
    with h5py.File(made(view, "slide_features_demo_encoder", f"{name}.h5"), "w") as f:
        f["features"] = features.mean(0)
    stamp(made(folder, "stamp", "demo-encoder-8a7b", f"{name}.h5"), features, coords, float(root["slide_mpp_x"]), "demo-encoder")
    clam(made(folder, "half", f"{name}.h5"), features.astype(np.float16).astype(np.float32), coords)


def odd(source, folder):
    features, coords, attrs, root = read(source)
    path = lambda name: made(folder, f"{name}.h5")

    # Unusual, but all there.
    clam(path("good"), features, coords)
    clam(path("double"), features.astype(np.float64), coords)
    with h5py.File(path("batch"), "w") as f:
        f["features"], f["coords"] = features[None], coords.astype(np.float64)
    with h5py.File(path("compressed"), "w") as f:
        f.create_dataset("features", data=features, compression="gzip", chunks=(7, 64))
        f["coords"] = coords
    with h5py.File(path("fixed-text"), "w") as f:
        f["features"], f["coords"] = features, coords
        f["features"].attrs["encoder"] = np.bytes_("demo-encoder")
    with h5py.File(path("without-coords"), "w") as f:
        f["features"] = features

    # Wrong.
    with open(path("text"), "w") as f:
        f.write("This is no HDF5 file.\n")
    clam(path("cut"), features, coords)
    with open(path("cut"), "r+b") as f:
        f.truncate(os.path.getsize(path("cut")) // 2)
    with h5py.File(path("other"), "w") as f:
        f["genes"] = features
    with h5py.File(path("places-only"), "w") as f:
        f["coords"] = coords
    with h5py.File(path("vector"), "w") as f:
        f["features"], f["coords"] = features.mean(0), coords
    with h5py.File(path("cube"), "w") as f:
        f["features"], f["coords"] = np.stack([features, features]), coords
    with h5py.File(path("integers"), "w") as f:
        f["features"], f["coords"] = features.astype(np.int32), coords
    clam(path("short"), features, coords[:-1])
    clam(path("wide"), features[:, :-1], coords)
    spoiled = features.copy()
    spoiled[3, 5] = np.nan
    clam(path("nan"), spoiled, coords)
    spoiled = features.astype(np.float64)
    spoiled[3, 5] = 1e300
    clam(path("beyond-float"), spoiled, coords)
    clam(path("no-tiles"), features[:0], coords[:0])
    with h5py.File(path("nowhere"), "w") as f:
        f["features"], f["coords"] = features, np.full(coords.shape, np.nan)
    trident(path("resnet"), "resnet", features, coords, attrs, "resnet50")
    trident(path("large-tiles"), "large-tiles", features, coords, attrs, "demo-encoder", size=512)
    with open(source, "rb") as f, open(path("other-weights"), "wb") as copy:
        copy.write(f.read())
    with h5py.File(path("other-weights"), "r+") as f:
        f.attrs["encoder_sha256"] = "0" * 64
    with h5py.File(path("endless"), "w") as f:
        f.create_dataset("features", shape=(1 << 40, features.shape[1]), dtype="f4", chunks=(64, features.shape[1]))
        f.create_dataset("coords", shape=(1 << 40, 2), dtype="i8", chunks=(64, 2))

    # Numbers that lie in another file.
    raw = os.path.join(folder, "raw.bin")
    features.tofile(raw)
    with h5py.File(path("elsewhere"), "w") as f:
        f.create_dataset("features", shape=features.shape, dtype="f4", external=[("raw.bin", 0, h5py.h5f.UNLIMITED)])
        f["coords"] = coords
    with h5py.File(path("linked"), "w") as f:
        f["features"] = h5py.ExternalLink("good.h5", "features")
        f["coords"] = coords
    with h5py.File(path("virtual"), "w") as f:
        layout = h5py.VirtualLayout(shape=features.shape, dtype="f4")
        layout[:] = h5py.VirtualSource("good.h5", "features", shape=features.shape)
        f.create_virtual_dataset("features", layout)
        f["coords"] = coords


globals()[sys.argv[1]](*sys.argv[2:])
