#!/usr/bin/python3
"""Writes the tiny graphs beside this file: random weights, 32 px tiles, PyTorch 1.13.

    /usr/bin/python3 tests/SlideMesh.Inference.Tests/Graphs/make_graphs.py

tiny-vit.onnx          patch embedding, class token, two attention blocks, linear end: what a ViT encoder is made of
tiny-resnet.onnx       strided and residual convolutions, pooling, a fully connected layer
computed-weights.onnx  a product of two computed matrices, whose rounding depends on the number of rows
slow.onnx              10^12 rounds of a loop over the mean of each tile, of any size: some hours
external/              a package whose weights lie beside the graph; their name is one that needs no listing otherwise
"""
import hashlib
import json
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
SIZE = 32


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class TinyVit(nn.Module):
    def __init__(self, width=24, patch=8):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.place = nn.Parameter(torch.randn(1, (SIZE // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(Block(width, 3), Block(width, 3))
        self.norm, self.end = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, pixels):
        x = self.patch(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.place
        return self.end(self.norm(self.blocks(x))[:, 0])


class TinyResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.a, self.b = nn.Conv2d(3, 16, 7, 2, 3), nn.Conv2d(16, 16, 3, 1, 1), nn.Conv2d(16, 16, 3, 1, 1)
        self.down, self.end = nn.Conv2d(16, 40, 1, 2), nn.Linear(40, 7)

    def forward(self, pixels):
        x = F.max_pool2d(torch.relu(self.stem(pixels)), 3, 2, 1)
        x = torch.relu(x + self.b(torch.relu(self.a(x))))
        return self.end(torch.relu(self.down(x)).mean((2, 3)))


class ComputedWeights(nn.Module):
    def forward(self, pixels):
        x = pixels.mean(2).flatten(1)
        weights = torch.tanh(x[:1].t() * 0 + torch.sin(torch.arange(3.0 * SIZE))[:, None])
        return x @ weights


def export(module, name):
    torch.onnx.export(
        module.eval(), torch.zeros(3, 3, SIZE, SIZE), str(HERE / name), opset_version=13, input_names=["pixels"],
        output_names=["features"], dynamic_axes={"pixels": {0: "n"}, "features": {0: "n"}})


def slow():
    def value(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    def constant(name, kind, shape, values):
        return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, kind, shape, values))

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), constant("factor", TensorProto.FLOAT, [], [0.999]),
         helper.make_node("Mul", ["x", "factor"], ["y"])],
        "round", [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("x", TensorProto.FLOAT, None)],
        [value("go_on", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, None)])
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["pixels"], ["flat"], axis=1),
         helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
         constant("rounds", TensorProto.INT64, [], [10 ** 12]), constant("true", TensorProto.BOOL, [], [True]),
         helper.make_node("Loop", ["rounds", "true", "mean"], ["features"], body=body)],
        "slow", [value("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"])], [value("features", TensorProto.FLOAT, ["n", 1])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(HERE / "slow.onnx"))


def external():
    folder = HERE / "external"
    folder.mkdir(exist_ok=True)
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["pixels"], ["flat"], axis=1), helper.make_node("MatMul", ["flat", "weights"], ["features"])],
        "external", [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array((torch.arange(768.0) / 768).reshape(768, 1).numpy(), "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (folder / "LICENSE.weights").unlink(missing_ok=True)
    onnx.save(model, str(folder / "tile.onnx"), save_as_external_data=True, location="LICENSE.weights", size_threshold=0)
    listed = ",\n    ".join(
        json.dumps({"path": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
        for name, data in ((name, (folder / name).read_bytes()) for name in ("LICENSE.weights", "tile.onnx")))
    (folder / "model.json").write_text("""{
  "format": "slidemesh-model/1", "name": "external", "version": "1.0.0", "kind": "encoder",
  "tile": { "sizePx": 16, "micronsPerPixel": 0.5 }, "normalisation": { "mean": [0, 0, 0], "std": [1, 1, 1] },
  "graphs": { "tile": { "file": "tile.onnx",
    "inputs": [ { "name": "pixels", "shape": [-1, 3, 16, 16] } ], "outputs": [ { "name": "features", "shape": [-1, 1] } ] } },
  "files": [
    %s
  ]
}
""" % listed)


if __name__ == "__main__":
    torch.manual_seed(5)
    export(TinyVit(), "tiny-vit.onnx")
    export(TinyResNet(), "tiny-resnet.onnx")
    export(ComputedWeights(), "computed-weights.onnx")
    slow()
    external()
