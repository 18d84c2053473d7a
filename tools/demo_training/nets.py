"""The networks of the demonstration models, in the exact form in which they are exported.

Shapes: N tiles of a bag, D features of a tile, H hidden width, K attention rows, C tile classes, V covariates.
"""
import math

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


class OmicsNet(nn.Module):
    """Scaled genes [N, G] (a missing one is 0) -> what omics alone say: grade [N, 6] and origin [N, 6] logits, one logit of
    TMB-high, log10 of mutations per Mb: a linear answer plus a self-normalising net (SELU). Grades and origins are balanced where it is trained, so those
    logits are also log-likelihoods of the genes, up to a constant."""

    WIDTHS = (len(GRADES), len(ORIGINS), 1, 1)

    def __init__(self, genes, hidden=32):
        super().__init__()
        self.linear = nn.Linear(genes, sum(self.WIDTHS))
        self.hidden = nn.Linear(genes, hidden)
        self.out = nn.Linear(hidden, sum(self.WIDTHS), bias=False)
        self.drop = nn.AlphaDropout(0.1)
        nn.init.zeros_(self.out.weight)

    def parts(self, out):
        return out.split(self.WIDTHS, 1)

    def forward(self, omics):
        return self.parts(self.linear(omics) + self.out(self.drop(torch.selu(self.hidden(omics)))))


class Fusion(nn.Module):
    """The slide's own answers, corrected by omics; seven numbers beside the omics net decide how much.

    ``slide`` is the concatenation named in the manifest. Grade and origin: log p(class | slide) + gate * log p(omics | class),
    Bayes' rule for slide and omics that are independent given the class when the gate is 1; a slide that is sure is not
    overruled, and with a gate of 0 the answer is the slide's own. TMB: a linear mix of both log10, and a line
    from there to the logit of TMB-high: on validation slides it does better than a mix of logits, which 85 yes-or-no labels settle
    less well.
    """

    SOURCES = [("demo-grade-mil/grade_logits", 5), ("demo-grade-tiles/grade_logits", 5),
               ("demo-tmb-5x/tmb_log10", 1), ("demo-tmb-10x/tmb_log10", 1), ("demo-tmb-20x/tmb_log10", 1),
               ("demo-origin/origin_logits", 6)]
    SLIDE_WIDTH = sum(width for _, width in SOURCES)

    def __init__(self, genes):
        super().__init__()
        self.omics = OmicsNet(genes)
        # 1 / temperature and weight of the slide models, as in their own packages.
        self.register_buffer("grade_scale", torch.ones(2))
        self.register_buffer("tmb_weight", torch.full((3,), 1 / 3))
        self.register_buffer("origin_scale", torch.ones(1))
        self.register_buffer("grade_gate", torch.zeros(1))
        self.register_buffer("origin_gate", torch.zeros(1))
        # Slide, omics, constant.
        self.register_buffer("log10_mix", torch.tensor([1.0, 0.0, 0.0]))
        # Slope and constant over the mixed log10 above the cut-off of 10 mutations per Mb.
        self.register_buffer("tmb_line", torch.tensor([5.0, 0.0]))

    def base(self, slide):
        """The pipeline's answer from the slide alone: log p(grade) [N, 6], log p(origin) [N, 6], log10."""
        grade = torch.logsumexp(torch.stack([ordinal_log_probabilities(slide[:, 0:5] * self.grade_scale[0]),
                                             ordinal_log_probabilities(slide[:, 5:10] * self.grade_scale[1])]), 0) - math.log(2)
        origin = torch.log_softmax(slide[:, 13:19] * self.origin_scale, 1)
        return grade, origin, (slide[:, 10:13] * self.tmb_weight).sum(1, keepdim=True)

    def forward(self, slide, omics):
        grade, origin, log10 = self.base(slide)
        omics_grade, omics_origin, _, omics_log10 = self.omics(omics)
        log10 = self.log10_mix[0] * log10 + self.log10_mix[1] * omics_log10 + self.log10_mix[2]
        grade = grade + self.grade_gate * torch.log_softmax(omics_grade, 1)
        above = [torch.logsumexp(grade[:, k:], 1, keepdim=True) - torch.logsumexp(grade[:, :k], 1, keepdim=True)
                 for k in range(1, len(GRADES))]
        return (torch.cat(above, 1), self.tmb_line[0] * (log10 - 1) + self.tmb_line[1], log10,
                origin + self.origin_gate * torch.log_softmax(omics_origin, 1))


def ordinal_log_probabilities(logits):
    """Falling cumulative logits of P(y > k) [N, L - 1] -> log p(y) [N, L], also where p is below the smallest float."""
    upper, lower = -nn.functional.softplus(-logits), -nn.functional.softplus(logits)
    between = torch.log(1 - torch.exp((logits[:, 1:] - logits[:, :-1]).clamp(max=-1e-4)))
    return torch.cat([lower[:, :1], upper[:, :-1] + lower[:, 1:] + between, upper[:, -1:]], 1)
