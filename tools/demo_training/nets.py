"""The networks of the demonstration models, in the exact form in which they are exported.

Shapes: N tiles of a bag, D features of a tile, H hidden width, K attention rows, C tile classes, V covariates.
"""
import torch
from torch import nn

FEATURE_DIM = 256
GRADES = ["0", "1", "2", "3", "4", "5"]
TILE_CLASSES = ["benign", "ordered", "disordered"]
# TOAD's label order, restricted to the six origins of the synthetic cohort.
ORIGINS = ["Lung", "Breast", "Colorectal", "Prostate", "Renal", "Thyroid"]
SITES = ["Primary", "Metastatic"]
TMB_LABELS = ["TMB-low", "TMB-high"]

SUMMARY_QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)
SUMMARY_PER_CLASS = 3 + len(SUMMARY_QUANTILES)


def summary_vector(scores):
    """[N, C] tile scores -> [8 C]: for each class mean, population std, five quantiles, share of tiles at 0.5 or more."""
    q = torch.tensor(SUMMARY_QUANTILES, dtype=scores.dtype)
    columns = []
    for c in range(scores.shape[1]):
        s = scores[:, c]
        columns += [s.mean()[None], s.std(unbiased=False)[None], torch.quantile(s, q), (s >= 0.5).to(s.dtype).mean()[None]]
    return torch.cat(columns)


def conv_bn(cin, cout, stride):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = conv_bn(width, width, 1)
        self.b = conv_bn(width, width, 1)

    def forward(self, x):
        return torch.relu(x + self.b(torch.relu(self.a(x))))


class Encoder(nn.Module):
    """A small residual CNN: 0.15 G multiply-adds (0.30 GFLOP counted twice) for a 256 px tile.

    Widths are multiples of 16 so that blocked CPU convolutions run full; batch norm is folded on export. The global
    average at the end makes the weights independent of the crop's size: training uses 128 px, inference 256 px.
    """

    def __init__(self, dim=FEATURE_DIM, widths=(16, 32, 48, 96)):
        super().__init__()
        a, b, c, d = widths
        self.body = nn.Sequential(
            conv_bn(3, a, 2), nn.ReLU(), conv_bn(a, b, 2), nn.ReLU(),
            conv_bn(b, c, 2), nn.ReLU(), Residual(c),
            conv_bn(c, d, 2), nn.ReLU(), Residual(d),
            conv_bn(d, dim, 2), nn.ReLU())

    def forward(self, pixels):
        return self.body(pixels).mean(dim=(2, 3))


class Scaled(nn.Module):
    """(x - mean) / std with constants, so that heads see features of unit variance."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, x):
        self.mean.copy_(x.mean(0))
        self.scale.copy_(1 / x.std(0).clamp_min(1e-3))

    def forward(self, x):
        return (x - self.mean) * self.scale


class TileNet(nn.Module):
    """Features [N, D] -> activated scores [N, C]; C = 1 is a sigmoid, otherwise a softmax."""

    def __init__(self, classes, dim=FEATURE_DIM, hidden=32):
        super().__init__()
        self.scaled = Scaled(dim)
        self.hidden = nn.Linear(dim, hidden)
        self.out = nn.Linear(hidden, classes)
        self.drop = nn.Dropout(0.25)

    def logits(self, features):
        return self.out(self.drop(torch.relu(self.hidden(self.scaled(features)))))

    def forward(self, features):
        logits = self.logits(features)
        return torch.sigmoid(logits) if self.out.out_features == 1 else torch.softmax(logits, 1)


class Ordinal(nn.Module):
    """One score against rising thresholds (CORAL): logit k of P(y > k) = s - b_k."""

    def __init__(self, width, classes):
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)
        self.first = nn.Parameter(torch.tensor([-(classes - 2) / 2.0]))
        self.steps = nn.Parameter(torch.zeros(classes - 2))
        self.register_buffer("lower", torch.tril(torch.ones(classes - 2, classes - 2)), persistent=False)

    def forward(self, x):
        rises = torch.nn.functional.softplus(self.steps + 0.5413)
        thresholds = torch.cat([self.first, self.first + self.lower @ rises])
        return self.score(x) - thresholds[None, :]


class GradeSummary(nn.Module):
    """[1, 24] summary of tile classes -> ordinal grade. The grade follows the disordered share of the tumour, so that ratio of
    two class means is offered beside the summary."""

    def __init__(self, classes=len(TILE_CLASSES)):
        super().__init__()
        width = SUMMARY_PER_CLASS * classes
        self.scaled = Scaled(width)
        self.hidden = nn.Linear(width + 1, 16)
        self.ordinal = Ordinal(16, len(GRADES))
        self.drop = nn.Dropout(0.1)
        self.ordered = SUMMARY_PER_CLASS * TILE_CLASSES.index("ordered")
        self.disordered = SUMMARY_PER_CLASS * TILE_CLASSES.index("disordered")

    def forward(self, summary):
        ordered = summary[:, self.ordered:self.ordered + 1]
        disordered = summary[:, self.disordered:self.disordered + 1]
        ratio = disordered / (ordered + disordered + 0.01)
        x = torch.cat([self.scaled(summary), 6 * ratio - 3], 1)
        return self.ordinal(self.drop(torch.relu(self.hidden(x))))


class TmbSummary(nn.Module):
    """[1, 8] summary of tile probabilities -> one logit and log10 of mutations per Mb."""

    def __init__(self):
        super().__init__()
        self.scaled = Scaled(SUMMARY_PER_CLASS)
        self.hidden = nn.Linear(SUMMARY_PER_CLASS, 8)
        self.logit = nn.Linear(8, 1)
        self.log10 = nn.Linear(8, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, summary):
        h = self.drop(torch.tanh(self.hidden(self.scaled(summary))))
        return self.logit(h), self.log10(h)


class GatedAttention(nn.Module):
    """Features [N, D] -> hidden [N, H] and raw attention scores [N, K] (before the softmax over tiles)."""

    def __init__(self, rows, dim=FEATURE_DIM, hidden=64, width=32):
        super().__init__()
        self.scaled = Scaled(dim)
        self.embed = nn.Linear(dim, hidden)
        self.tanh = nn.Linear(hidden, width)
        self.gate = nn.Linear(hidden, width)
        self.score = nn.Linear(width, rows)
        self.drop = nn.Dropout(0.25)

    def forward(self, features):
        h = self.drop(torch.relu(self.embed(self.drop(self.scaled(features)))))
        return h, self.score(torch.tanh(self.tanh(h)) * torch.sigmoid(self.gate(h)))


def pool(hidden, attention):
    """M[k] = sum over tiles of softmax(attention[:, k]) * hidden -> [1, K, H]. The pipeline's part of a streamed head."""
    return (torch.softmax(attention, 0).t() @ hidden)[None]


class GradeBag(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.ordinal = Ordinal(hidden, len(GRADES))

    def forward(self, pooled):
        return self.ordinal(pooled.flatten(1))


class OriginBag(nn.Module):
    """TOAD's end: row 0 pools for the origin, row 1 for the site; sex is appended to both."""

    def __init__(self, hidden=64):
        super().__init__()
        self.origin = nn.Linear(hidden + 1, len(ORIGINS))
        self.site = nn.Linear(hidden + 1, len(SITES))

    def forward(self, pooled, covariates):
        first = torch.cat([pooled[:, 0], covariates], 1)
        second = torch.cat([pooled[:, 1], covariates], 1)
        return self.origin(first), self.site(second)


class Fusion(nn.Module):
    """Gated correction of the slide's own answers by omics.

    ``slide`` is the concatenation named in the manifest; the first entries are the slide models' own outputs in the order of
    :attr:`BASE`. Omics go through a self-normalising net (SELU); a gate that sees both decides, output by output, how much
    the omics correct the slide's logits. With a closed gate the answer is the slide's own.
    """

    BASE = [("demo-grade-mil/grade_logits", 5), ("demo-grade-tiles/grade_logits", 5),
            ("demo-tmb-5x/tmb_logit", 1), ("demo-tmb-10x/tmb_logit", 1), ("demo-tmb-20x/tmb_logit", 1),
            ("demo-tmb-5x/tmb_log10", 1), ("demo-tmb-10x/tmb_log10", 1), ("demo-tmb-20x/tmb_log10", 1),
            ("demo-origin/origin_logits", 6)]
    CONTEXT = [("demo-grade-mil/pooled", 64), ("demo-origin/pooled", 128), ("demo-tmb-20x/summary", 8)]
    SOURCES = BASE + CONTEXT
    SLIDE_WIDTH = sum(width for _, width in SOURCES)

    def __init__(self, genes):
        super().__init__()
        self.register_buffer("grade_scale", torch.full((2,), 0.5))
        self.register_buffer("tmb_scale", torch.full((3,), 1 / 3))
        self.register_buffer("log10_scale", torch.full((3,), 1 / 3))
        self.register_buffer("origin_scale", torch.ones(1))
        self.scaled = Scaled(self.SLIDE_WIDTH)
        self.omics = nn.Sequential(nn.Dropout(0.2), nn.Linear(genes, 32), nn.SELU(), nn.AlphaDropout(0.15))
        self.slide = nn.Linear(self.SLIDE_WIDTH, 16)
        self.gate = nn.Linear(16 + 32, 4)
        self.delta = nn.Linear(32, 1 + 1 + 1 + 6)
        nn.init.zeros_(self.delta.weight)
        nn.init.zeros_(self.delta.bias)

    def base(self, slide):
        grade = slide[:, 0:5] * self.grade_scale[0] + slide[:, 5:10] * self.grade_scale[1]
        tmb = (slide[:, 10:13] * self.tmb_scale).sum(1, keepdim=True)
        log10 = (slide[:, 13:16] * self.log10_scale).sum(1, keepdim=True)
        return grade, tmb, log10, slide[:, 16:22] * self.origin_scale

    def forward(self, slide, omics):
        grade, tmb, log10, origin = self.base(slide)
        o = self.omics(omics)
        s = torch.tanh(self.slide(self.scaled(slide)))
        gate = torch.sigmoid(self.gate(torch.cat([s, o], 1)))
        delta = self.delta(o)
        return (grade + gate[:, 0:1] * delta[:, 0:1], tmb + gate[:, 1:2] * delta[:, 1:2],
                log10 + gate[:, 2:3] * delta[:, 2:3], origin + gate[:, 3:4] * delta[:, 3:9])
