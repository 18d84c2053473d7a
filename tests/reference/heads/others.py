"""Heads that need the whole bag, written from their papers; names of layers are those of the public checkpoints."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from .attention import Mlp


class Dsmil(nn.Module):
    def __init__(self, classes, d, nonlinear=True, value=False):
        super().__init__()
        self.i_classifier = nn.Module()
        self.i_classifier.fc = nn.Sequential(nn.Linear(d, classes))
        b = self.b_classifier = nn.Module()
        b.q = nn.Sequential(nn.Linear(d, 128), nn.ReLU(), nn.Linear(128, 128), nn.Tanh()) if nonlinear else nn.Linear(d, 128)
        if value:
            b.v = nn.Sequential(nn.Dropout(0.0), nn.Linear(d, d), nn.ReLU())
        b.fcc = nn.Conv1d(classes, classes, kernel_size=d)
        self.value = value

    def forward(self, x):
        b = self.b_classifier
        scores = self.i_classifier.fc(x)
        critical = x[scores.argmax(0)]
        raw = b.q(x) @ b.q(critical).t() / math.sqrt(128)
        pooled = F.softmax(raw, dim=0).t() @ (b.v(x) if self.value else x)
        return b.fcc(pooled[None]).view(1, -1), raw


class Nystrom(nn.Module):
    """Xiong et al. 2021; 8 heads of 64, 256 landmarks, 6 iterations, a convolution of the values along the sequence."""

    def __init__(self, width=512):
        super().__init__()
        self.to_qkv = nn.Linear(width, 1536, bias=False)
        self.to_out = nn.Sequential(nn.Linear(512, width), nn.Dropout(0.1))
        self.res_conv = nn.Conv2d(8, 8, (33, 1), padding=(16, 0), groups=8, bias=False)

    def forward(self, x):
        n = x.shape[1]
        groups = -(-n // 256)
        x = F.pad(x, (0, 0, groups * 256 - n, 0))
        q, k, v = (t.view(1, -1, 8, 64).transpose(1, 2) for t in self.to_qkv(x).chunk(3, dim=-1))
        q = q / 8
        marks_q, marks_k = (t.reshape(1, 8, 256, groups, 64).sum(3) / groups for t in (q, k))
        left = (q @ marks_k.transpose(-1, -2)).softmax(-1)
        middle = (marks_q @ marks_k.transpose(-1, -2)).softmax(-1)
        right = (marks_q @ k.transpose(-1, -2)).softmax(-1)
        z = middle.transpose(-1, -2) / (middle.abs().sum(-1).max() * middle.abs().sum(-2).max())
        eye = torch.eye(256)[None]
        for _ in range(6):
            xz = middle @ z
            z = 0.25 * z @ (13 * eye - xz @ (15 * eye - xz @ (7 * eye - xz)))
        out = (left @ z) @ (right @ v) + self.res_conv(v)
        return self.to_out(out.transpose(1, 2).reshape(1, -1, 512))[:, -n:]


class TransLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(512)
        self.attn = Nystrom()

    def forward(self, x):
        return x + self.attn(self.norm(x))


class Ppeg(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(512, 512, 7, 1, 3, groups=512)
        self.proj1 = nn.Conv2d(512, 512, 5, 1, 2, groups=512)
        self.proj2 = nn.Conv2d(512, 512, 3, 1, 1, groups=512)

    def forward(self, x, side):
        tiles = x[:, 1:].transpose(1, 2).reshape(1, 512, side, side)
        tiles = self.proj(tiles) + tiles + self.proj1(tiles) + self.proj2(tiles)
        return torch.cat([x[:, :1], tiles.flatten(2).transpose(1, 2)], dim=1)


class TransMil(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self._fc1 = nn.Sequential(nn.Linear(1024, 512), nn.ReLU())
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 512))
        self.pos_layer = Ppeg()
        self.layer1 = TransLayer()
        self.layer2 = TransLayer()
        self.norm = nn.LayerNorm(512)
        self._fc2 = nn.Linear(512, classes)

    def forward(self, x):
        h = self._fc1(x)[None]
        side = math.ceil(math.sqrt(h.shape[1]))
        h = torch.cat([h, h[:, :side * side - h.shape[1]]], dim=1)
        h = self.layer1(torch.cat([self.cls_token, h], dim=1))
        h = self.layer2(self.pos_layer(h, side))
        return self._fc2(self.norm(h)[:, 0]), None


class Chowder(nn.Module):
    def __init__(self, d=768, top=10, bottom=10):
        super().__init__()
        self.score_model = nn.Module()
        self.score_model.hidden_layers = nn.ModuleList([nn.Linear(d, 128), nn.Sigmoid(), nn.Linear(128, 1)])
        self.mlp = Mlp([top + bottom, 128, 64, 1], nn.Sigmoid())
        self.top, self.bottom = top, bottom

    def forward(self, x):
        scores = x
        for layer in self.score_model.hidden_layers:
            scores = layer(scores)
        column = scores[:, 0].sort(descending=True)[0]
        fill = torch.zeros
        k = min(self.top, len(column))
        top = torch.cat([column[:k], fill(self.top - k)])
        k = min(self.bottom, len(column))
        bottom = torch.cat([column.flip(0)[:k], fill(self.bottom - k)])
        return self.mlp(torch.cat([top, bottom])[None]), scores


class He2Rna(nn.Module):
    def __init__(self, genes, ks, d=2048):
        super().__init__()
        self.conv0 = nn.Conv1d(d, 1024, 1)
        self.conv1 = nn.Conv1d(1024, 1024, 1)
        self.conv2 = nn.Conv1d(1024, genes, 1)
        self.ks = ks

    def forward(self, x):
        h = x.t()[None]
        scores = self.conv2(F.relu(self.conv1(F.relu(self.conv0(h)))))[0]
        means = [scores.topk(min(k, scores.shape[1]), dim=1)[0].mean(1) for k in self.ks]
        return torch.stack(means).mean(0)[None], scores.t()


class MilRnn(nn.Module):
    """fc: the tile classifier; fc1, fc2, fc3: the recurrent net."""

    def __init__(self, hidden=128, tiles=10):
        super().__init__()
        self.fc = nn.Linear(512, 2)
        self.fc1 = nn.Linear(512, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 2)
        self.hidden, self.tiles = hidden, tiles

    def forward(self, x):
        logits = self.fc(x)
        order = F.softmax(logits, dim=1)[:, 1].argsort(descending=True)[:self.tiles]
        state = torch.zeros(1, self.hidden)
        for tile in order:
            state = F.relu(self.fc2(state) + self.fc1(x[tile][None]))
            output = self.fc3(state)
        return output, logits
