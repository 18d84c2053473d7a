#!/usr/bin/python3
"""Model folders as WSInfer's zoo has them, small, and what PyTorch (1.13, CPU) gives for their tiles.

    /usr/bin/python3 tests/reference/make_wsinfer_reference.py

wsinfer/FORM/: config.json (spec_version 1.0) beside one net's weights as pytorch_model.bin or torchscript_model.pt (traced).
expected/wsinfer.json: probabilities of the two classes for the two tiles of pixels that `model verify` makes:

    x[i] = ((i 2654435761) mod 2^32) / 2^31 - 1, float32, row-major [2, 3, 32, 32]

Weights: encoders/formulas.py, gain 1. Tolerance: 1e-5 absolute.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from encoders import formulas  # noqa: E402
from encoders.vision_transformer import VisionTransformer  # noqa: E402

EDGE = 32
CONFIG = {
    "spec_version": "1.0", "architecture": "vit", "num_classes": 2, "class_names": ["notumor", "tumor"], "patch_size_pixels": 64, "spacing_um_px": 0.25,
    "transform": [{"name": "Resize", "arguments": {"size": EDGE}}, {"name": "ToTensor"},
                  {"name": "Normalize", "arguments": {"mean": [0.7, 0.5, 0.6], "std": [0.1, 0.2, 0.3]}}],
}


class Classifier(VisionTransformer):
    def __init__(self):
        super().__init__(width=16, depth=1, heads=2, patch=8, grid=EDGE // 8)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(super().forward(x))


def probe(*shape):
    i = np.arange(np.prod(shape), dtype=np.uint64)
    return torch.from_numpy((((i * np.uint64(2654435761)) % np.uint64(2 ** 32)).astype(np.float64) / 2.0 ** 31 - 1).astype(np.float32).reshape(shape))


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert torch.__version__.startswith("1.13"), torch.__version__
    net = Classifier().eval()
    with torch.no_grad():
        for key, value in net.state_dict().items():
            value.copy_(torch.from_numpy(formulas.weight(key, tuple(value.shape), 1)))
        probabilities = torch.softmax(net(probe(2, 3, EDGE, EDGE)), dim=1)
        for form, file in [("state-dict", "pytorch_model.bin"), ("torchscript", "torchscript_model.pt")]:
            folder = HERE / "wsinfer" / form
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
            if form == "state-dict":
                torch.save(net.state_dict(), folder / file)
            else:
                torch.jit.save(torch.jit.trace(net, probe(2, 3, EDGE, EDGE)), str(folder / file))
    values = [round(float(v), 7) for v in probabilities.flatten()]
    (HERE / "expected" / "wsinfer.json").write_text(json.dumps({"probabilities": values}) + "\n")
    print(values)
