#!/usr/bin/python3
"""Encoders by our graphs in ONNX Runtime against PyTorch eager: sides take turns run by run, medians. Called by encoders.sh.

    encoders.py save NAME FILE              state dict of NAME with random weights (seed 0)
    encoders.py race NAME WORK REPEATS BATCH COMMAND ...     one line of the table; COMMAND starts our side

Names are torchvision's. The vision transformers run twice in PyTorch, as torchvision has them (its fused attention) and as timm's form
in tests/reference/encoders (plain matrix products); the faster one counts. The nets see 224 px tiles (Inception 299) of made-up pixels.
"""
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import torchvision.models as tv

THREADS = 2
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"))


def build(name):
    torch.manual_seed(0)
    net = tv.inception_v3(init_weights=False) if name == "inception_v3" else getattr(tv, name)()
    if name.startswith("efficientnet"):
        # Statistics of real activations: with others it fades to denormal numbers, on which PyTorch crawls.
        for norm in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.momentum = 1
        with torch.no_grad():
            net.train()(pixels(name, 2))
    return net.eval()


def features_of(name, net):
    if name.startswith("vit"):
        net.heads = torch.nn.Identity()
    elif hasattr(net, "fc"):
        net.fc = torch.nn.Identity()
    elif name.startswith("swin"):
        net.head = torch.nn.Identity()
    elif name.startswith("densenet"):
        net.classifier = torch.nn.Identity()
    else:
        net.classifier[-1] = torch.nn.Identity()
    return net


def timm_form(name):
    from encoders.vision_transformer import VisionTransformer
    width, depth, heads = {"vit_b_16": (768, 12, 12), "vit_l_16": (1024, 24, 16)}[name]
    return VisionTransformer(width, depth, heads, 16, 14).eval()


def pixels(name, batch):
    side = 299 if name == "inception_v3" else 224
    i = np.arange(batch * 3 * side * side, dtype=np.uint64)
    return torch.from_numpy(((i * 40503 % 65536 // 256) / 128 - 1).astype(np.float32)).view(batch, 3, side, side)


def timed(net, x):
    start = time.perf_counter()
    net(x)
    return time.perf_counter() - start


def race(name, work, repeats, batch, command):
    torch.set_num_threads(THREADS)
    nets = [features_of(name, build(name))] + ([timm_form(name)] if name.startswith("vit") else [])
    x = pixels(name, batch)
    out = work / f"{name}.features"
    with torch.inference_mode(), subprocess.Popen([*command, "encoder", str(work / name), str(batch), str(THREADS), str(out)], stdin=subprocess.PIPE,
                                                  stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout.readline().strip() == "ready"
        expected = nets[0](x).numpy()
        for net in nets[1:]:
            net(x)
        turns = [[] for _ in nets]
        mine = []
        for _ in range(repeats):
            for net, times in zip(nets, turns):
                times.append(timed(net, x))
            ours.stdin.write("\n")
            ours.stdin.flush()
            mine.append(float(ours.stdout.readline()))
        ours.stdin.close()
    actual = np.fromfile(out, dtype="<f4").reshape(expected.shape)
    theirs = min(statistics.median(t) for t in turns)
    ours_median = statistics.median(mine)
    print(f"| {name} | {batch / ours_median:.1f} | {batch / theirs:.1f} | {theirs / ours_median:.2f} | {np.abs(actual - expected).max():.1e} | {np.abs(expected).max():.2f} |", flush=True)


if sys.argv[1] == "save":
    torch.save(build(sys.argv[2]).state_dict(), sys.argv[3])
else:
    race(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6:])
