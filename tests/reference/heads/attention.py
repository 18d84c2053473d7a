"""Heads with attention pooling, written from their papers; names of layers are those of the public checkpoints."""
import torch
from torch import nn
from torch.nn import functional as F


class Gated(nn.Module):
    def __init__(self, width, inner, rows):
        super().__init__()
        self.attention_a = nn.Sequential(nn.Linear(width, inner), nn.Tanh())
        self.attention_b = nn.Sequential(nn.Linear(width, inner), nn.Sigmoid())
        self.attention_c = nn.Linear(inner, rows)

    def forward(self, x):
        return self.attention_c(self.attention_a(x) * self.attention_b(x))


class Plain(nn.Module):
    """CLAM names this block's layers module.0 and module.3 (2 without dropout)."""

    def __init__(self, width, inner, rows, dropout=True):
        super().__init__()
        drop = [nn.Dropout(0.25)] if dropout else []
        self.module = nn.Sequential(nn.Linear(width, inner), nn.Tanh(), *drop, nn.Linear(inner, rows))

    def forward(self, x):
        return self.module(x)


def trunk(sizes, block, dropout=True, dropinput=False):
    layers = [nn.Dropout(0.1)] if dropinput else []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()] + ([nn.Dropout(0.25)] if dropout else [])
    return nn.Sequential(*layers, block)


def pool(net, x):
    for layer in list(net)[:-1]:
        x = layer(x)
    raw = net[-1](x)
    return F.softmax(raw, dim=0).t() @ x, raw


class ClamSb(nn.Module):
    def __init__(self, classes=2, gate=True, inner=256, d=1024, dropout=True):
        super().__init__()
        self.attention_net = trunk([d, 512], (Gated if gate else Plain)(512, inner, 1), dropout)
        self.classifiers = nn.Linear(512, classes)
        self.instance_classifiers = nn.ModuleList([nn.Linear(512, 2) for _ in range(classes)])

    def forward(self, x):
        pooled, raw = pool(self.attention_net, x)
        return self.classifiers(pooled), raw


class ClamMb(nn.Module):
    def __init__(self, classes=3, d=1024):
        super().__init__()
        self.attention_net = trunk([d, 512], Gated(512, 384, classes))
        self.classifiers = nn.ModuleList([nn.Linear(512, 1) for _ in range(classes)])
        self.instance_classifiers = nn.ModuleList([nn.Linear(512, 2) for _ in range(classes)])

    def forward(self, x):
        pooled, raw = pool(self.attention_net, x)
        return torch.cat([c(pooled[i]) for i, c in enumerate(self.classifiers)])[None], raw


class ClamMil(nn.Module):
    def __init__(self, classes, d=1024):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(d, 512), nn.ReLU(), nn.Dropout(0.25))
        setattr(self, "classifier" if classes == 2 else "classifiers", nn.Linear(512, classes))
        self.classes = classes

    def forward(self, x):
        h = self.fc(x)
        logits = (self.classifier if self.classes == 2 else self.classifiers)(h)
        p = F.softmax(logits, dim=1)
        best = p[:, 1].argmax() if self.classes == 2 else p.flatten().argmax() // self.classes
        return logits[best][None], logits


class Toad(nn.Module):
    def __init__(self, dropout, classes=18):
        super().__init__()
        self.attention_net = trunk([1024, 512, 512], Gated(512, 384, 2), dropout)
        self.classifier = nn.Linear(513, classes)
        self.site_classifier = nn.Linear(513, 2)

    def forward(self, x, sex):
        pooled, raw = pool(self.attention_net, x)
        pooled = torch.cat([pooled, torch.full((2, 1), sex)], dim=1)
        return self.classifier(pooled[:1]), self.site_classifier(pooled[1:]), raw


class AbMil(nn.Module):
    def __init__(self, gated, d=1024):
        super().__init__()
        self.feature_extractor_part2 = nn.Sequential(nn.Linear(d, 500), nn.ReLU())
        if gated:
            self.attention_V = nn.Sequential(nn.Linear(500, 128), nn.Tanh())
            self.attention_U = nn.Sequential(nn.Linear(500, 128), nn.Sigmoid())
            self.attention_w = nn.Linear(128, 1)
        else:
            self.attention = nn.Sequential(nn.Linear(500, 128), nn.Tanh(), nn.Linear(128, 1))
        self.classifier = nn.Sequential(nn.Linear(500, 1), nn.Sigmoid())
        self.gated = gated

    def forward(self, x):
        h = self.feature_extractor_part2(x)
        raw = self.attention_w(self.attention_V(h) * self.attention_U(h)) if self.gated else self.attention(h)
        return self.classifier[0](F.softmax(raw, dim=0).t() @ h), raw


class Mlp(nn.Sequential):
    def __init__(self, sizes, activation):
        blocks = [nn.Sequential(nn.Linear(a, b), activation) for a, b in zip(sizes[:-2], sizes[1:-1])]
        super().__init__(*blocks, nn.Linear(sizes[-2], sizes[-1]))


class OwkinAbMil(nn.Module):
    def __init__(self, d=768):
        super().__init__()
        self.tiles_emb = nn.Module()
        self.tiles_emb.hidden_layers = nn.ModuleList([nn.Linear(d, 128)])
        self.attention_layer = nn.Module()
        self.attention_layer.att = nn.Linear(128, 128)
        self.attention_layer.gate = nn.Linear(128, 128)
        self.attention_layer.w = nn.Linear(128, 1)
        self.mlp = Mlp([128, 128, 64, 1], nn.ReLU())

    def forward(self, x):
        v = self.tiles_emb.hidden_layers[0](x)
        a = self.attention_layer
        raw = a.w(torch.tanh(a.att(v)) * torch.sigmoid(a.gate(v)))
        return self.mlp(F.softmax(raw, dim=0).t() @ v), raw


class MeanPool(nn.Module):
    def __init__(self, sizes=(512, 128, 3)):
        super().__init__()
        self.mlp = Mlp(list(sizes), nn.Sigmoid())

    def forward(self, x):
        return self.mlp(x.mean(0, keepdim=True)), None


class PooledLogits(nn.Module):
    def __init__(self, mean, classes=2):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(1024, 512), nn.ReLU(), nn.Dropout(0.25), nn.Linear(512, classes))
        self.mean = mean

    def forward(self, x):
        logits = self.head(x)
        return (logits.mean(0) if self.mean else logits.max(0)[0])[None], logits
