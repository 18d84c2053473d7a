"""Heads with discrete hazards, written from their papers; names of layers are those of the public checkpoints."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from .attention import Gated, pool, trunk


def snn(sizes):
    return nn.Sequential(*[nn.Sequential(nn.Linear(a, b), nn.ELU(), nn.AlphaDropout(0.25)) for a, b in zip(sizes, sizes[1:])])


class Bilinear(nn.Module):
    """Gated bilinear fusion of two vectors of 256."""

    def __init__(self, skip, linear_gates=True):
        super().__init__()
        for i in (1, 2):
            setattr(self, f"linear_h{i}", nn.Sequential(nn.Linear(256, 32), nn.ReLU()))
            setattr(self, f"linear_z{i}", nn.Sequential(nn.Linear(512, 32)) if linear_gates else nn.Bilinear(256, 256, 32))
            setattr(self, f"linear_o{i}", nn.Sequential(nn.Linear(32, 32), nn.ReLU()))
        self.encoder1 = nn.Sequential(nn.Linear(33 * 33, 256), nn.ReLU())
        self.encoder2 = nn.Sequential(nn.Linear(768 if skip else 256, 256), nn.ReLU())
        self.skip, self.linear_gates = skip, linear_gates

    def forward(self, a, b):
        gated = []
        for i, x in ((1, a), (2, b)):
            z = getattr(self, f"linear_z{i}")
            gate = torch.sigmoid(z(torch.cat([a, b], 1)) if self.linear_gates else z(a, b))
            o = getattr(self, f"linear_o{i}")(gate * getattr(self, f"linear_h{i}")(x))
            gated.append(torch.cat([o, torch.ones(1, 1)], 1))
        h = self.encoder1(torch.einsum("bi,bj->bij", *gated).flatten(1))
        return self.encoder2(torch.cat([h, a, b], 1) if self.skip else h)


class Concat(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())

    def forward(self, a, b):
        return super().forward(torch.cat([a, b], 1))


class PorpoiseAmil(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_net = trunk([1024, 512], Gated(512, 256, 1))
        self.classifier = nn.Linear(512, 4)

    def forward(self, x):
        pooled, raw = pool(self.attention_net, x)
        return self.classifier(pooled), raw


class Amil(nn.Module):
    """The attention baseline of MCAT and Patch-GCN, with omics when genes are given."""

    def __init__(self, genes=0, fusion=Concat):
        super().__init__()
        self.attention_net = trunk([1024, 512], Gated(512, 256, 1))
        self.rho = nn.Sequential(nn.Linear(512, 256), nn.ReLU())
        if genes:
            self.fc_omic = snn([genes, 256, 256])
            self.mm = fusion()
        self.classifier = nn.Linear(256, 4)

    def forward(self, x, omics=None):
        pooled, raw = pool(self.attention_net, x)
        h = self.rho(pooled)
        h = h if omics is None else self.mm(h, self.fc_omic(omics))
        return self.classifier(h), raw


class PorpoiseMmf(nn.Module):
    def __init__(self, genes, dropinput=True):
        super().__init__()
        self.attention_net = trunk([1024, 512], Gated(512, 256, 1), dropinput=dropinput)
        self.rho = nn.Sequential(nn.Linear(512, 256), nn.ReLU())
        self.fc_omic = snn([genes, 256, 256])
        self.mm = Bilinear(skip=True)
        self.classifier_mm = nn.Linear(256, 4)

    def forward(self, x, omics):
        pooled, raw = pool(self.attention_net, x)
        return self.classifier_mm(self.mm(self.rho(pooled), self.fc_omic(omics))), raw


class DeepSets(nn.Module):
    def __init__(self):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(1024, 512), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(512, 256), nn.ReLU())
        self.classifier = nn.Linear(256, 4)

    def forward(self, x):
        return self.classifier(self.rho(self.phi(x).sum(0, keepdim=True))), None


class Mcat(nn.Module):
    def __init__(self, sizes, fusion):
        super().__init__()
        self.wsi_net = nn.Sequential(nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(0.25))
        self.sig_networks = nn.ModuleList([snn([size, 256, 256]) for size in sizes])
        self.coattn = nn.MultiheadAttention(256, 1)
        for name in ("path", "omic"):
            layer = nn.TransformerEncoderLayer(256, 8, 512, 0.25, "relu")
            setattr(self, f"{name}_transformer", nn.TransformerEncoder(layer, 2))
            setattr(self, f"{name}_attention_head", Gated(256, 256, 1))
            setattr(self, f"{name}_rho", nn.Sequential(nn.Linear(256, 256), nn.ReLU()))
        self.mm = fusion()
        self.classifier = nn.Linear(256, 4)
        self.sizes = sizes

    def forward(self, x, omics):
        tiles = self.wsi_net(x)
        groups = torch.cat([net(part) for net, part in zip(self.sig_networks, omics.split(self.sizes, dim=1))])
        seen, _ = self.coattn(groups[:, None], tiles[:, None], tiles[:, None])
        w, b = self.coattn.in_proj_weight, self.coattn.in_proj_bias
        raw = (F.linear(groups, w[:256], b[:256]) / math.sqrt(256)) @ F.linear(tiles, w[256:512], b[256:512]).t()
        vectors = []
        for name, sequence in (("path", seen), ("omic", groups[:, None])):
            h = getattr(self, f"{name}_transformer")(sequence)[:, 0]
            weights = F.softmax(getattr(self, f"{name}_attention_head")(h), dim=0)
            vectors.append(getattr(self, f"{name}_rho")(weights.t() @ h))
        return self.classifier(self.mm(*vectors)), raw.t()
