#!/usr/bin/python3
"""Writes ResNet-50 and ViT-B/16 with random weights as PyTorch exports them, and what PyTorch computes for two tiles of bytes.

    /usr/bin/python3 tests/SlideMesh.Inference.Tests/LibTorch/Reference/make_encoders.py FOLDER

FOLDER/resnet50.onnx, FOLDER/vit_b_16.onnx and FOLDER/features.json: features of the two 224 px tiles that the formula in
tests/reference/make_reference.py gives, normalised as for ImageNet. Made anew in each test run: the files are 450 MB.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def convolution(width, out, size, stride=1):
    return nn.Sequential(nn.Conv2d(width, out, size, stride, size // 2, bias=False), nn.BatchNorm2d(out))


class Bottleneck(nn.Module):
    def __init__(self, width, inner, stride):
        super().__init__()
        self.a, self.b, self.c = convolution(width, inner, 1), convolution(inner, inner, 3, stride), convolution(inner, 4 * inner, 1)
        self.shortcut = nn.Identity() if stride == 1 and width == 4 * inner else convolution(width, 4 * inner, 1, stride)

    def forward(self, x):
        return torch.relu(self.c(torch.relu(self.b(torch.relu(self.a(x))))) + self.shortcut(x))


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = convolution(3, 64, 7, 2)
        blocks, width = [], 64
        for inner, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for i in range(count):
                blocks.append(Bottleneck(width, inner, stride if i == 0 else 1))
                width = 4 * inner
        self.blocks, self.pool = nn.Sequential(*blocks), nn.AdaptiveAvgPool2d(1)

    def forward(self, pixels):
        x = F.max_pool2d(torch.relu(self.stem(pixels)), 3, 2, 1)
        return torch.flatten(self.pool(self.blocks(x)), 1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class VitB16(nn.Module):
    def __init__(self, width=768, depth=12, heads=12):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.place = nn.Parameter(torch.randn(1, 197, width) * 0.02)
        self.blocks, self.norm = nn.Sequential(*[Block(width, heads) for _ in range(depth)]), nn.LayerNorm(width, 1e-6)

    def forward(self, pixels):
        x = self.patch(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.place
        return self.norm(self.blocks(x))[:, 0]


def main(folder):
    torch.manual_seed(21)
    n, y, x, c = np.mgrid[0:2, 0:224, 0:224, 0:3]
    pixels = torch.from_numpy(((7 * x + 13 * y + 29 * c + 53 * n) % 256).astype(np.uint8)).permute(0, 3, 1, 2).float() / 255
    pixels = (pixels - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]
    features = {}
    for name, module in (("resnet50", ResNet50()), ("vit_b_16", VitB16())):
        with torch.no_grad():
            features[name] = [[round(float(v), 7) for v in row] for row in module.eval()(pixels)]
            torch.onnx.export(
                module, pixels[:2], str(folder / f"{name}.onnx"), opset_version=13, input_names=["pixels"], output_names=["features"],
                dynamic_axes={"pixels": {0: "n"}, "features": {0: "n"}})
    (folder / "features.json").write_text(json.dumps(features))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
