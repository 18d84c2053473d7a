"""A vision transformer with the options that pathology's foundation models use, written for reference values only.

Key names and semantics are timm's: fused qkv, `ls1.gamma` layer scale, register tokens behind the class token, packed SwiGLU
(SiLU of the first half times the second), layer norms over q and k per head, position embeddings with or without prefix tokens.
"""
import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width, heads, qkv_bias, qk_norm, eps):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        if qk_norm:
            self.q_norm = nn.LayerNorm(width // heads, eps=eps)
            self.k_norm = nn.LayerNorm(width // heads, eps=eps)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if hasattr(self, "q_norm"):
            q, k = self.q_norm(q), self.k_norm(k)
        weights = torch.softmax(q @ k.transpose(2, 3) / (width // self.heads) ** 0.5, dim=3)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, tokens, width))


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Mlp(nn.Module):
    def __init__(self, width, hidden, swiglu, activation):
        super().__init__()
        self.swiglu, self.activation = swiglu, activation
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden // 2 if swiglu else hidden, width)

    def forward(self, x):
        x = self.fc1(x)
        if self.swiglu:
            gate, value = x.chunk(2, dim=2)
            return self.fc2(F.silu(gate) * value)
        return self.fc2(self.activation(x))


class LayerScale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * self.gamma


class Block(nn.Module):
    def __init__(self, width, heads, hidden, o):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=o["eps"])
        self.attn = Attention(width, heads, o["qkv_bias"], o["qk_norm"], o["eps"])
        self.ls1 = LayerScale(width) if o["layer_scale"] else nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps=o["eps"])
        self.mlp = Mlp(width, hidden, o["swiglu"], o["activation"])
        self.ls2 = LayerScale(width) if o["layer_scale"] else nn.Identity()

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    def __init__(self, width, patch, bias):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch, bias=bias)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


DEFAULTS = {"mlp": 4.0, "qkv_bias": True, "qk_norm": False, "layer_scale": False, "swiglu": False, "activation": F.gelu, "eps": 1e-6,
            "class_token": True, "registers": 0, "embed_prefix": True, "pre_norm": False, "pool": "token", "fc_norm": False}


class VisionTransformer(nn.Module):
    """`grid` is the side of the position embeddings' grid; another tile's grid is reached by `resized`."""

    def __init__(self, width, depth, heads, patch, grid, **options):
        super().__init__()
        o = {**DEFAULTS, **options}
        self.o, self.grid, self.patch = o, grid, patch
        self.prefix = int(o["class_token"]) + o["registers"]
        self.patch_embed = PatchEmbed(width, patch, bias=not o["pre_norm"])
        if o["class_token"]:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if o["registers"]:
            self.reg_token = nn.Parameter(torch.zeros(1, o["registers"], width))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid * grid + (self.prefix if o["embed_prefix"] else 0), width))
        if o["pre_norm"]:
            self.norm_pre = nn.LayerNorm(width, eps=o["eps"])
        self.blocks = nn.Sequential(*[Block(width, heads, int(width * o["mlp"]), o) for _ in range(depth)])
        setattr(self, "fc_norm" if o["fc_norm"] else "norm", nn.LayerNorm(width, eps=o["eps"]))

    def resized(self, side):
        """Position embeddings of a side x side grid, as timm resamples them: bicubic with antialiasing; prefix tokens stay."""
        if side == self.grid:
            return self.pos_embed
        kept = self.prefix if self.o["embed_prefix"] else 0
        grid = self.pos_embed[:, kept:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, size=(side, side), mode="bicubic", antialias=True)
        return torch.cat([self.pos_embed[:, :kept], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)

    def forward(self, x):
        n, side = x.shape[0], x.shape[2] // self.patch
        x = self.patch_embed(x)
        prefix = [getattr(self, name).expand(n, -1, -1) for name in ("cls_token", "reg_token") if hasattr(self, name)]
        if self.o["embed_prefix"]:
            x = torch.cat(prefix + [x], dim=1) + self.resized(side)
        else:
            x = torch.cat(prefix + [x + self.resized(side)], dim=1)
        if self.o["pre_norm"]:
            x = self.norm_pre(x)
        x = self.blocks(x)
        if not self.o["fc_norm"]:
            x = self.norm(x)
        pool = self.o["pool"]
        if pool == "token":
            x = x[:, 0]
        elif pool == "avg":
            x = x[:, self.prefix:].mean(dim=1)
        else:  # Virchow's manner: class token, then the mean of the patch tokens
            x = torch.cat([x[:, 0], x[:, self.prefix:].mean(dim=1)], dim=1)
        return self.fc_norm(x) if self.o["fc_norm"] else x
