#!/usr/bin/python3
"""Writes large_bag_reference.json: what PyTorch makes of a bag of 20,000 tiles with the weights of tests/reference/packages/ref-streamed.

    /usr/bin/python3 tests/SlideMesh.Prediction.Tests/Reference/large_bag_reference.py

Features are those of tests/reference/make_reference.py (sin(0.37 i + 1.13 j), 16 columns). Weights come from the ONNX files; the
network is written out again here, in double throughout. Compared at 1e-5.
"""
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "reference" / "packages" / "ref-streamed"
N, D = 20000, 16


def weights(name):
    model = onnx.load(str(PACKAGE / name))
    return {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()).double() for i in model.graph.initializer}


def linear(w, name, x):
    return torch.nn.functional.linear(x, w[name + ".weight"], w[name + ".bias"])


def main():
    torch.set_num_threads(1)
    i, j = np.mgrid[0:N, 0:D]
    x = torch.from_numpy(np.sin(i * 0.37 + j * 1.13).astype(np.float32)).double()
    w, b = weights("instance.onnx"), weights("bag.onnx")
    hidden = torch.relu(linear(w, "embed", x))
    attention = 8 * linear(w, "score", torch.tanh(linear(w, "tanh", hidden)) * torch.sigmoid(linear(w, "gate", hidden)))
    pooled = torch.softmax(attention, 0).t() @ hidden
    sex = torch.ones(1, dtype=torch.float64)
    origin = linear(b, "origin", torch.cat([pooled[0], sex]))
    site = linear(b, "site", torch.cat([pooled[1], sex]))
    rows = [0, 1, 4095, 4096, 8191, 8192, 19999]
    answer = {
        "n": N,
        "pooled": pooled.flatten().tolist(),
        "originProbabilities": torch.softmax(origin / 2.0, 0).tolist(),
        "siteProbabilities": torch.softmax(site, 0).tolist(),
        "attentionRows": rows,
        "attention": [attention[r].tolist() for r in rows],
    }
    text = json.dumps(answer, indent=1, default=float)
    (HERE / "large_bag_reference.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
