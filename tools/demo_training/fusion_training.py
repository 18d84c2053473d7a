"""Fits the fusion: an omics net on many cases that have no slide, then a few numbers that weigh it against the slide's answer."""
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from . import head_training as heads
from . import nets
from .metrics import quadratic_kappa
from .write_packages import TMB_VIEWS

HELD_OUT = 0.1
GATES = np.linspace(0, 1, 21)


def omics_of(models, cohort):
    """(rows that have omics, scaled values with missing genes at 0)."""
    rows = [i for i, s in enumerate(cohort.slides) if s.omics is not None]
    raw = np.stack([cohort.slides[i].omics for i in rows])
    scaled = (raw - models.omics_mean) / models.omics_std
    return np.array(rows), torch.tensor(np.nan_to_num(scaled)).float()


def slide_vector(out):
    return torch.cat([out[name] for name, _ in nets.Fusion.SOURCES], 1)


# ---- what omics alone say ----

def fit_omics(models, cohort, rng):
    """The omics net and the genes' scale, from tables without slides; returns what it reaches on the last tenth of the cases,
    which also stops the training. The linear part is fitted first. Then both parts learn, and half of the cases of a batch lose
    up to half of their genes, so that the net stands tables that lack some."""
    raw = np.stack([s.omics for s in cohort.slides if s.omics is not None])
    models.omics_mean = np.nanmean(raw, 0)
    models.omics_std = np.maximum(np.nanstd(raw, 0), 1e-6)
    rows, x = omics_of(models, cohort)
    labels = heads.Labels([cohort.slides[i] for i in rows])
    train = np.arange(int(len(rows) * (1 - HELD_OUT)))
    held_out = np.arange(len(train), len(rows))
    net = models.fusion.omics

    def loss(out, b):
        grade, origin, tmb, log10 = out
        return (F.cross_entropy(grade, labels.grade[b]) + F.cross_entropy(origin, labels.origin[b])
                + F.binary_cross_entropy_with_logits(tmb[:, 0], labels.tmb[b]) + 10 * F.mse_loss(log10[:, 0], labels.log10[b]))

    def thinned(x):
        share = rng.random((len(x), 1)) * 0.5 * (rng.random((len(x), 1)) < 0.5)
        return x * torch.tensor(rng.random(x.shape) >= share)

    linear_start(net, lambda: loss(net.parts(net.linear(x[train])), train))
    stop = heads.fit([net], lambda: heads.shuffled(len(train), 256, rng), lambda b: loss(net(thinned(x[b])), b),
                     lambda: loss(net(x[held_out]), held_out), 15, 5e-4, 0.5, patience=5)
    with torch.no_grad():
        grade, origin, tmb, log10 = net(x[held_out])
    t = labels
    return (f"loss {stop:.3f}, grade kappa {quadratic_kappa(t.grade[held_out], grade.argmax(1)):.3f}, TMB-high AUC "
            f"{heads.auc(t.tmb[held_out], tmb[:, 0]):.3f}, log10 error {(log10[:, 0] - t.log10[held_out]).abs().mean():.3f}, origin "
            f"{(origin.argmax(1) == t.origin[held_out]).float().mean():.3f}")


def linear_start(net, loss, ridge=1e-3):
    optimiser = torch.optim.LBFGS(net.linear.parameters(), max_iter=80, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        value = loss() + ridge * net.linear.weight.square().sum()
        value.backward()
        return value

    optimiser.step(closure)


# ---- slide against omics ----

@dataclass
class Answers:
    """What the slide alone and the omics alone say of cases that have both; neither the heads nor the omics net were fitted to them."""

    slide: tuple
    omics: tuple
    grade: torch.Tensor
    origin: torch.Tensor
    tmb: torch.Tensor
    log10: torch.Tensor


def take_over(fusion, models):
    """Gives the fusion the slide models' temperatures and weights, so that its base is the pipeline's answer."""
    t = models.temperature
    weight = torch.tensor([models.weight[name] for name in TMB_VIEWS])
    fusion.tmb_weight.copy_(weight / weight.sum())
    fusion.grade_scale.copy_(1 / torch.tensor([t["demo-grade-mil"], t["demo-grade-tiles"]]))
    fusion.origin_scale.fill_(1 / t["demo-origin/origin"])


@torch.no_grad()
def answers(models, data):
    """:class:`Answers` of those slides of ``data`` that have omics."""
    rows, x = omics_of(models, data.cohort)
    of_slide = tuple(part[rows] for part in models.fusion.base(slide_vector(heads.slide_outputs(models, data))))
    return Answers(of_slide, models.fusion.omics(x), data.grade[rows], data.origin[rows], data.tmb[rows], data.log10[rows])


def fit_gates(fusion, cases):
    """Grade and origin: the gate with the best likelihood, and 0 unless the answers get better by it. TMB: a linear mix
    of log10 and a line to the logit."""
    log_p, truth = cases.slide[0], cases.grade
    gate = best_gate(log_p, cases.omics[0], truth)
    kappa = lambda g: quadratic_kappa(truth, (log_p + g * torch.log_softmax(cases.omics[0], 1)).argmax(1))
    fusion.grade_gate.fill_(gate if kappa(gate) > kappa(0) else 0)
    fusion.origin_gate.fill_(best_gate(cases.slide[1], cases.omics[1], cases.origin))
    one = torch.ones(len(truth), 1)
    x = torch.cat([cases.slide[2], cases.omics[3], one], 1).double()
    log10_mix = torch.linalg.lstsq(x, cases.log10.double()[:, None]).solution
    fusion.log10_mix.copy_(log10_mix[:, 0])
    fusion.tmb_line.copy_(logistic(torch.cat([x @ log10_mix - 1, one], 1), cases.tmb))


def best_gate(slide, omics, truth):
    losses = [F.cross_entropy(slide + g * torch.log_softmax(omics, 1), truth).item() for g in GATES]
    return float(GATES[int(np.argmin(losses))])


def logistic(x, target, ridge=1e-3):
    """Weights of a logistic regression, by Newton's method; the ridge spares separable data an endless climb."""
    x, target = x.double(), target.double()
    w = torch.zeros(x.shape[1], dtype=torch.double)
    for _ in range(30):
        p = torch.sigmoid(x @ w)
        gradient = x.t() @ (p - target) / len(x) + ridge * w
        curvature = x.t() @ (x * (p * (1 - p))[:, None]) / len(x) + ridge * torch.eye(len(w), dtype=torch.double)
        w = w - torch.linalg.solve(curvature, gradient)
    return w


def summary(fusion, cases):
    return (f"{len(cases.grade)} cases for the gates; grade {fusion.grade_gate.item():.2f}, origin {fusion.origin_gate.item():.2f}, "
            f"log10 {[round(v, 2) for v in fusion.log10_mix.tolist()]}, TMB-high {[round(v, 2) for v in fusion.tmb_line.tolist()]}")
