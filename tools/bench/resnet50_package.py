#!/usr/bin/python3
"""Writes a model package with a ResNet-50 encoder (random weights, seed 0) and the same weights as a PyTorch state dict.

    resnet50_package.py FOLDER      -> FOLDER/package/{model.json,tile.onnx}, FOLDER/resnet50.pt

2,048 features a tile of 224 px at 0.5 um/px. The weights are random: they cost as much time as trained ones.
"""
import hashlib
import json
import pathlib
import sys

import torch
import torchvision


def main(folder: pathlib.Path) -> None:
    package = folder / "package"
    package.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None)
    model.fc = torch.nn.Identity()
    model.eval()
    torch.save(model.state_dict(), folder / "resnet50.pt")
    graph = package / "tile.onnx"
    torch.onnx.export(
        model, torch.zeros(2, 3, 224, 224), str(graph), opset_version=13,
        input_names=["tiles"], output_names=["features"],
        dynamic_axes={"tiles": {0: "n"}, "features": {0: "n"}})
    data = graph.read_bytes()
    (package / "model.json").write_text(json.dumps({
        "format": "slidemesh-model/1", "name": "bench-resnet50", "version": "1.0.0", "kind": "encoder",
        "description": "ResNet-50 with random weights, for timing only", "trainedOn": "nothing", "intendedUse": "benchmarks",
        "licence": "Apache-2.0", "synthetic": True,
        "tile": {"sizePx": 224, "micronsPerPixel": 0.5},
        "normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "graphs": {"tile": {"file": "tile.onnx",
                            "inputs": [{"name": "tiles", "shape": [-1, 3, 224, 224]}],
                            "outputs": [{"name": "features", "shape": [-1, 2048]}]}},
        "outputs": [],
        "files": [{"path": "tile.onnx", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}],
    }, indent=2))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
