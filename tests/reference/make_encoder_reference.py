#!/usr/bin/python3
"""Writes what PyTorch computes with encoders of formula-made weights: expected/encoders/NAME.json.

    /usr/bin/python3 tests/reference/make_encoder_reference.py [NAME ...]

Made with PyTorch 1.13.0 and torchvision 0.14.1 of Debian 12 on a CPU, two threads, float32. Nets that torchvision has are torchvision's;
the vision transformer and MobileNet v1 are in encoders/. Where a checkpoint's layout is not the module's own (timm, DINOv2, a
sequential MobileNet), the keys are renamed here and the formulas of encoders/formulas.py see the checkpoint's key. Layouts and
semantics of timm were compared once with timm 1.0.29.dev0 itself, at these weights and tiles: every case that timm has, also those made
here by torchvision, gives its features to 3e-6.

Of a batch of 7 tiles the features of tiles 0, 3 and 6 are kept, as base64 of little-endian float32 [3, D]. Tolerance for comparisons:
1e-4 absolute; for transformers as wide as ViT-L or wider 1e-3 relative to the largest feature of the tile.
"""
import base64
import json
import re
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision.models as tv
from torch import nn

from encoders.formulas import tiles, weight
from encoders.mobilenet import BLOCKS, MobileNetV1
from encoders.vision_transformer import VisionTransformer, quick_gelu

OUT = Path(__file__).resolve().parent / "expected" / "encoders"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
KEPT = [0, 3, 6]


def without(attribute):
    """The features are what enters the last linear layer."""
    def cut(net):
        *path, last = attribute.split(".")
        parent = net
        for name in path:
            parent = getattr(parent, name)
        setattr(parent, last, nn.Identity())
        return net
    return cut


def layer3(net):
    return nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, nn.AdaptiveAvgPool2d(1), nn.Flatten())


# Renaming: the module's key to the checkpoint's. A rule is (pattern, replacement); the first that matches wins.
def renamed(*rules):
    def rename(key):
        for pattern, replacement in rules:
            new, hits = re.subn(pattern, replacement, key)
            if hits:
                return new
        return key
    return rename


TIMM_EFFICIENTNET = renamed(
    (r"^features\.0\.0\.", "conv_stem."), (r"^features\.0\.1\.", "bn1."),
    (r"^features\.8\.0\.", "conv_head."), (r"^features\.8\.1\.", "bn2."),
    (r"^features\.1\.(\d)\.block\.0\.0\.", r"blocks.0.\1.conv_dw."), (r"^features\.1\.(\d)\.block\.0\.1\.", r"blocks.0.\1.bn1."),
    (r"^features\.1\.(\d)\.block\.1\.fc1\.", r"blocks.0.\1.se.conv_reduce."), (r"^features\.1\.(\d)\.block\.1\.fc2\.", r"blocks.0.\1.se.conv_expand."),
    (r"^features\.1\.(\d)\.block\.2\.0\.", r"blocks.0.\1.conv_pw."), (r"^features\.1\.(\d)\.block\.2\.1\.", r"blocks.0.\1.bn2."),
    *[(rf"^features\.{s}\.(\d)\.block\.{part}\.", rf"blocks.{s - 1}.\1.{name}.") for s in range(2, 8) for part, name in
      ((r"0\.0", "conv_pw"), (r"0\.1", "bn1"), (r"1\.0", "conv_dw"), (r"1\.1", "bn2"), (r"2\.fc1", "se.conv_reduce"),
       (r"2\.fc2", "se.conv_expand"), (r"3\.0", "conv_pwl"), (r"3\.1", "bn3"))],
    (r"^classifier\.1\.", "classifier."))

TIMM_CONVNEXT = renamed(
    (r"^features\.0\.", "stem."),
    *[(rf"^features\.{2 * s}\.", f"stages.{s}.downsample.") for s in (1, 2, 3)],
    *[(rf"^features\.{2 * s + 1}\.(\d+)\.{part}", rf"stages.{s}.blocks.\1.{name}") for s in range(4) for part, name in
      ((r"block\.0\.", "conv_dw."), (r"block\.2\.", "norm."), (r"block\.3\.", "mlp.fc1."), (r"block\.5\.", "mlp.fc2."), ("layer_scale", "gamma"))],
    (r"^classifier\.0\.", "head.norm."), (r"^classifier\.2\.", "head.fc."))

SWIN_BLOCKS = [(rf"^features\.{2 * s + 1}\.(\d+)\.{part}", rf"layers.{s}.blocks.\1.{name}") for s in range(4) for part, name in
               ((r"mlp\.0\.", "mlp.fc1."), (r"mlp\.3\.", "mlp.fc2."), ("", ""))]
TIMM_SWIN = renamed((r"^features\.0\.0\.", "patch_embed.proj."), (r"^features\.0\.2\.", "patch_embed.norm."),
                    *[(rf"^features\.{2 * s}\.", f"layers.{s}.downsample.") for s in (1, 2, 3)], *SWIN_BLOCKS, (r"^head\.", "head.fc."))
OLD_SWIN = renamed((r"^features\.0\.0\.", "patch_embed.proj."), (r"^features\.0\.2\.", "patch_embed.norm."),
                   *[(rf"^features\.{2 * s}\.", f"layers.{s - 1}.downsample.") for s in (1, 2, 3)], *SWIN_BLOCKS)

# timm groups MobileNet's 13 blocks by resolution: 1, 2, 2, 6, 2.
STAGE_OF = [(s, b) for s, blocks in enumerate((1, 2, 2, 6, 2)) for b in range(blocks)]
TIMM_MOBILENET = renamed(
    ("^conv1_bn", "bn1"), ("^conv1", "conv_stem"),
    *[(rf"^conv_{kind}_{i}{norm}\.", f"blocks.{s}.{b}.{name}.") for i, (s, b) in enumerate(STAGE_OF, 1) for kind, norm, name in
      (("dw", "_bn", "bn1"), ("dw", "", "conv_dw"), ("pw", "_bn", "bn2"), ("pw", "", "conv_pw"))])
PLAIN_MOBILENET = renamed(
    ("^conv1_bn", "model.0.1"), ("^conv1", "model.0.0"),
    *[(rf"^conv_{kind}_{i}{norm}\.", f"model.{i}.{place}.") for i in range(1, len(BLOCKS) + 1) for kind, norm, place in
      (("dw", "_bn", 1), ("dw", "", 0), ("pw", "_bn", 4), ("pw", "", 3))])


def swin(depths):
    return lambda: tv.SwinTransformer([4, 4], 96, depths, [3, 6, 12, 24], [7, 7], num_classes=5)


def vit(*sizes, **options):
    return lambda: VisionTransformer(*sizes, **options)


def same(net):
    return net


def timm(architecture, size=224, norm=IMAGENET, **model_args):
    return {"architecture": architecture, "num_classes": 0, "pretrained_cfg": {"input_size": [3, size, size], "mean": norm[0], "std": norm[1]},
            **({"global_pool": model_args.pop("global_pool")} if "global_pool" in model_args else {}), "model_args": model_args}


# name: (architecture to import as, module, cut to features, checkpoint key of a module key, tile size, gain, config.json, pooling option)
CASES = {
    "resnet18": ("resnet18", lambda: tv.resnet18(num_classes=5), without("fc"), None, 64, 0.9, None),
    "resnet34": ("resnet34", lambda: tv.resnet34(num_classes=5), without("fc"), None, 64, 0.75, None),
    "resnet50": ("resnet50", lambda: tv.resnet50(num_classes=5), without("fc"), None, 96, 0.9, None),
    "resnet50-layer3": ("resnet50-layer3", lambda: tv.resnet50(num_classes=5), layer3, None, 64, 0.9, None),
    "resnet101": ("resnet101", lambda: tv.resnet101(num_classes=5), without("fc"), None, 64, 0.85, None),
    "densenet121": ("densenet121", lambda: tv.densenet121(num_classes=5), without("classifier"), None, 64, 1.2, None),
    "inception-v3": ("inception-v3", lambda: tv.inception_v3(num_classes=5, init_weights=False, transform_input=False), without("fc"), None, 107, 1.4, None),
    "efficientnet-b0": ("efficientnet-b0", lambda: tv.efficientnet_b0(num_classes=5), without("classifier.1"), None, 64, 1.43, None),
    "efficientnet-b0-timm": ("efficientnet-b0", lambda: tv.efficientnet_b0(num_classes=5), without("classifier.1"), TIMM_EFFICIENTNET, 64, 1.47,
                             timm("efficientnet_b0")),
    "convnext-tiny": ("convnext-tiny", lambda: tv.convnext_tiny(num_classes=5), without("classifier.2"), None, 96, 1, None),
    "convnext-tiny-timm": ("convnext-tiny", lambda: tv.convnext_tiny(num_classes=5), without("classifier.2"), TIMM_CONVNEXT, 64, 1, timm("convnext_tiny")),
    "swin-tiny": ("swin-tiny", swin([2, 2, 6, 2]), without("head"), None, 96, 1, None),
    "swin-tiny-timm": ("swin-tiny", swin([2, 2, 2, 2]), without("head"), TIMM_SWIN, 224, 1, timm("swin_tiny_patch4_window7_224")),
    "swin-tiny-old": ("swin-tiny", swin([2, 2, 2, 2]), without("head"), OLD_SWIN, 256, 1, None),
    "mobilenet-v1": ("mobilenet-v1", lambda: MobileNetV1(0.5, keras=False), same, PLAIN_MOBILENET, 64, 1.6, None),
    "mobilenet-v1-timm": ("mobilenet-v1", lambda: MobileNetV1(1, keras=False), same, TIMM_MOBILENET, 64, 1.6, timm("mobilenetv1_100", norm=HALF)),
    "mobilenet-v1-keras": ("mobilenet-v1", lambda: MobileNetV1(0.5, keras=True), same, None, 64, 1.6, None),
    "vit-s16": ("vit", vit(384, 12, 6, 16, 14), same, None, 64, 1, timm("vit_small_patch16_224", norm=HALF)),
    "vit-b16": ("vit", vit(768, 12, 12, 16, 14), same, None, 96, 1, None),
    # (a small gain makes tokens so small that a layer norm's epsilon shows)
    # UNI's form, two of its 24 blocks, and a tile larger than the one it was trained on
    "vit-l16-layerscale": ("vit", vit(1024, 2, 16, 16, 7, layer_scale=True), same, None, 144, 1,
                           timm("vit_large_patch16_224", 112, init_values=1e-5, dynamic_img_size=True)),
    # Virchow2's form, two of its 32 blocks
    "vit-h14-swiglu-reg4": ("vit", vit(1280, 2, 16, 14, 6, layer_scale=True, swiglu=True, mlp=5.3375, registers=4, pool="concat"), same, None, 84, 1,
                            timm("vit_huge_patch14_224", 84, HALF, init_values=1e-5, mlp_ratio=5.3375, reg_tokens=4, mlp_layer="SwiGLUPacked",
                                 act_layer="SiLU", dynamic_img_size=True, global_pool=""), "class-and-mean"),
    # UNI 2's and H-optimus's form, two blocks
    "vit-g14-swiglu-reg8": ("vit", vit(1536, 2, 24, 14, 16, layer_scale=True, swiglu=True, mlp=2.66667 * 2, registers=8, embed_prefix=False), same, None, 84, 1,
                            timm("vit_giant_patch14_224", 224, embed_dim=1536, depth=2, num_heads=24, init_values=1e-5, mlp_ratio=2.66667 * 2, reg_tokens=8,
                                 no_embed_class=True, mlp_layer="SwiGLUPacked", act_layer="SiLU", dynamic_img_size=True)),
    "vit-g14-mean": ("vit", vit(1408, 1, 16, 14, 6, mlp=48 / 11, pool="avg", fc_norm=True), same, None, 84, 1,
                     timm("vit_giant_patch14_224", 84, depth=1, global_pool="avg")),
    "vit-qknorm-gap": ("vit", vit(384, 3, 6, 16, 4, qk_norm=True, class_token=False, pool="avg", qkv_bias=False), same, None, 64, 0.05,
                       timm("vit_small_patch16_224", 64, depth=3, qk_norm=True, qkv_bias=False, class_token=False, global_pool="avg", fc_norm=False)),
    "vit-clip": ("vit", vit(256, 3, 4, 16, 4, pre_norm=True, activation=quick_gelu, eps=1e-5), same, None, 64, 0.3,
                 timm("vit_xsmall_patch16_clip_quickgelu_224", 64, HALF, depth=3, num_heads=4)),
}


def dinov2(net, w):
    """DINOv2's own layout (chunked blocks, w12/w3, register_tokens, mask_token): its class token's position row is added to the token, registers have none."""
    state = {}
    for key, value in w.items():
        key = re.sub(r"^blocks\.0\.(\d+)\.", r"blocks.\1.", key)
        key = key.replace("mlp.w12", "mlp.fc1").replace("mlp.w3", "mlp.fc2")
        if key == "mask_token":
            continue
        state[key] = value
    state["reg_token"] = state.pop("register_tokens")
    state["cls_token"] = state["cls_token"] + state["pos_embed"][:, :1]
    state["pos_embed"] = state["pos_embed"][:, 1:]
    net.load_state_dict(state)


def dinov2_keys(net):
    shapes = {"cls_token": (1, 1, 384), "pos_embed": (1, 1 + 16, 384), "register_tokens": (1, 4, 384), "mask_token": (1, 384)}
    for key, value in net.state_dict().items():
        if key not in ("cls_token", "pos_embed", "reg_token"):
            key = re.sub(r"^blocks\.", "blocks.0.", key).replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3")
            shapes[key] = tuple(value.shape)
    return shapes


def write(name, architecture, config, pooling, size, gain, norm, shapes, net):
    pixels = torch.from_numpy(tiles(7, size)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(part)[None, :, None, None] for part in norm)
    with torch.no_grad():
        features = net.eval()((pixels - mean) / std).numpy()
    spread = features.std(axis=0).mean()
    print(f"{name}: D {features.shape[1]}, rms {np.sqrt((features ** 2).mean()):.3f}, largest {abs(features).max():.2f}, between tiles {spread:.3f}")
    assert np.isfinite(features).all() and spread > 0.015 and abs(features).max() < 12, f"{name}: choose another gain"
    document = {"name": name, "architecture": architecture, "config": config, "pooling": pooling, "tilePx": size, "gain": gain, "mean": norm[0], "std": norm[1],
                "dimension": features.shape[1], "tiles": KEPT, "features": base64.b64encode(features[KEPT].astype("<f4").tobytes()).decode(),
                "tensors": [" ".join([key, *map(str, shape)]) for key, shape in shapes.items()]}
    (OUT / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def normalisation(name, config):
    if config is not None:
        return config["pretrained_cfg"]["mean"], config["pretrained_cfg"]["std"]
    return HALF if name.startswith(("inception", "mobilenet")) else IMAGENET


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    wanted = sys.argv[1:] or [*CASES, "vit-dinov2"]
    for name in wanted:
        if name == "vit-dinov2":
            net = VisionTransformer(384, 3, 6, 14, 4, layer_scale=True, swiglu=True, mlp=2048 / 384, registers=4, embed_prefix=False)
            shapes = dinov2_keys(net)
            dinov2(net, {key: torch.from_numpy(weight(key, shape, 1)) for key, shape in shapes.items()})
            write(name, "vit", None, None, 84, 1, IMAGENET, shapes, net)
            continue
        architecture, build, cut, rename, size, gain, config, *pooling = CASES[name]
        net = build()
        rename = rename or same
        shapes, state = {}, {}
        for key, value in net.state_dict().items():
            shape = tuple(value.shape)
            if key.endswith("layer_scale") and rename is not same:
                shape = shape[:1]
            new = rename(key)
            assert new not in shapes
            if key.endswith("relative_position_index"):
                # A buffer that the table's size implies: old checkpoints hold it, timm's no longer.
                state[key] = value
                if rename is not TIMM_SWIN:
                    shapes[new] = shape
                continue
            shapes[new] = shape
            state[key] = torch.from_numpy(weight(new, shape, gain)).reshape(value.shape)
        net.load_state_dict(state)
        write(name, architecture, config, pooling[0] if pooling else None, size, gain, normalisation(name, config), shapes, cut(net))


if __name__ == "__main__":
    main()
