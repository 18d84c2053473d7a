#!/usr/bin/python3
"""Writes the TorchScript files beside this file and what PyTorch 1.13 computes: the weights of tests/reference/packages/ref-encoder.

    /usr/bin/python3 tests/SlideMesh.Inference.Tests/LibTorch/Reference/make_reference.py

encoder.pt   the encoder, traced
raising.pt   raises in forward
reaching.pt  reads a file in forward
loading.pt   runs code of its own while it is loaded
nested.pt    parts within parts, four deep, as residual networks have them; with batch normalisation
narrow.pt    gives [N, 7] where the package declares [N, 16]
reference.json   resized48: features of two 48 px tiles, resized to 32 px (bilinear, antialiased) before they are normalised
                 nested: features of nested.pt for sin(i / 10) as pixel i of [2, 3, 32, 32]
"""
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Tuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
sys.path.insert(0, str(ROOT / "tests" / "reference"))
from make_reference import MEAN, STD, Encoder  # noqa: E402


class Raising(nn.Module):
    def forward(self, x):
        if x.dim() == 4:
            raise RuntimeError("this program gives up")
        return x


class Reaching(nn.Module):
    def forward(self, x):
        return x.mean((1, 2, 3)).unsqueeze(1).expand(-1, 16) + torch.from_file("model.json", False, 16, dtype=torch.uint8)


class Loading(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(16))

    def forward(self, x):
        return x.mean((1, 2, 3)).unsqueeze(1) * self.weight

    @torch.jit.export
    def __getstate__(self):
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: Tuple[torch.Tensor, bool]):
        self.weight = state[0] * 2
        self.training = state[1]


def save(module, name):
    """Without the debug records, which hold the paths of this checkout."""
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    with zipfile.ZipFile(buffer) as whole, zipfile.ZipFile(HERE / name, "w") as kept:
        for entry in whole.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                kept.writestr(zipfile.ZipInfo(entry.filename), whole.read(entry))


def main():
    encoder = Encoder().eval()
    graph = onnx.load(str(ROOT / "tests/reference/packages/ref-encoder/tile.onnx")).graph
    weights = {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in graph.initializer}
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
    save(torch.jit.trace(encoder, torch.zeros(2, 3, 32, 32)), "encoder.pt")
    save(torch.jit.script(Raising()), "raising.pt")
    save(torch.jit.script(Reaching()), "reaching.pt")
    save(torch.jit.script(Loading()), "loading.pt")
    narrow = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 7)).eval()
    save(torch.jit.trace(narrow, torch.zeros(2, 3, 32, 32)), "narrow.pt")

    part = nn.Sequential(nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.BatchNorm2d(16)), nn.ReLU())
    nested = nn.Sequential(nn.Sequential(part, nn.AdaptiveAvgPool2d(1)), nn.Flatten())
    part[0][1].running_mean.uniform_(-0.2, 0.2)
    part[0][1].running_var.uniform_(0.5, 1.5)
    save(torch.jit.trace(nested.eval(), torch.zeros(2, 3, 32, 32)), "nested.pt")

    n, y, x, c = np.mgrid[0:2, 0:48, 0:48, 0:3]
    tiles = torch.from_numpy(((7 * x + 13 * y + 29 * c + 53 * n) % 256).astype(np.uint8)).permute(0, 3, 1, 2).float() / 255
    small = F.interpolate(tiles, (32, 32), mode="bilinear", antialias=True, align_corners=False)
    small = (small - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]
    with torch.inference_mode():
        features = {"resized48": encoder(small), "nested": nested(torch.sin(torch.arange(2 * 3 * 32 * 32) * 0.1).reshape(2, 3, 32, 32))}
    rows = {name: [[round(float(v), 7) for v in row] for row in values] for name, values in features.items()}
    (HERE / "reference.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    torch.manual_seed(11)
    main()
