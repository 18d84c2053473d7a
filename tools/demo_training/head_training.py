"""Trains the slide heads on fixed tile features and calibrates their temperatures."""
import copy

import numpy as np
import torch
from torch.nn import functional as F

from . import nets
from .cohort import VIEWS
from .metrics import auc
from .write_packages import TMB_VIEWS

FOLDS = 4
SOFT_CUTOFF = 0.3


class Labels:
    """What is known of a cohort's cases, as tensors."""

    def __init__(self, slides):
        self.grade = torch.tensor([s.grade for s in slides])
        self.origin = torch.tensor([nets.ORIGINS.index(s.origin) for s in slides])
        self.site = torch.tensor([nets.SITES.index(s.site) for s in slides])
        self.tmb = torch.tensor([float(s.tmb_high) for s in slides])
        self.log10 = torch.tensor([float(np.log10(s.tmb)) for s in slides])
        self.sex = torch.tensor([[s.sex] for s in slides]).float()


class Features(Labels):
    """A cohort's tile features, bag by bag, with the labels of its slides."""

    def __init__(self, cohort, features):
        super().__init__(cohort.slides)
        self.cohort = cohort
        self.rows = {(s, v): np.flatnonzero((cohort.slide == s) & (cohort.view == v))
                     for s in range(len(cohort.slides)) for v in range(len(VIEWS))}
        self.all = features
        self.everyone = np.arange(len(cohort.slides))

    def bag(self, slide, view):
        return self.all[self.rows[slide, view]]

    def tiles(self, slides, view):
        """(features, row of each) of all tiles of the slides in the view."""
        rows = np.concatenate([self.rows[s, view] for s in slides])
        return self.all[rows], rows

    def padded(self, slides, view, keep, rng):
        """Bags as [B, N, D] with a mask; each tile is kept with probability ``keep``."""
        bags = []
        for s in slides:
            rows = self.rows[s, view]
            chosen = rows[rng.random(len(rows)) < keep] if keep < 1 else rows
            bags.append(self.all[chosen if len(chosen) else rows])
        mask = torch.zeros(len(bags), max(len(b) for b in bags), dtype=torch.bool)
        for i, b in enumerate(bags):
            mask[i, :len(b)] = True
        return torch.nn.utils.rnn.pad_sequence(bags, batch_first=True), mask


def ordinal_loss(logits, grade):
    above = (grade[:, None] > torch.arange(len(nets.GRADES) - 1)[None]).float()
    return F.binary_cross_entropy_with_logits(logits, above)


def fit(modules, batches, loss, validate, epochs, lr, decay, patience=15):
    """AdamW with a cosine schedule; the state with the lowest validation loss is kept."""
    module = torch.nn.ModuleList(modules)
    optimiser = torch.optim.AdamW(module.parameters(), lr=lr, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    best, state, since = float("inf"), None, 0
    for _ in range(epochs):
        module.train()
        for batch in batches():
            optimiser.zero_grad()
            loss(batch).backward()
            optimiser.step()
        schedule.step()
        module.eval()
        with torch.no_grad():
            value = validate().item()
        since += 1
        if value < best:
            best, state, since = value, copy.deepcopy(module.state_dict()), 0
        if since >= patience:
            break
    module.load_state_dict(state)
    module.eval()
    return best


def shuffled(count, size, rng):
    order = rng.permutation(count)
    return [order[i:i + size] for i in range(0, count, size)]


# ---- tile classifiers ----

def fit_tile_net(net, x, target, x_val, target_val, loss, epochs, rng, lr=2e-3, decay=0.05):
    net.scaled.fit(x)
    batches = lambda: shuffled(len(x), 512, rng)
    return fit([net], batches, lambda b: loss(net.logits(x[b]), target[b]), lambda: loss(net.logits(x_val), target_val),
               epochs, lr, decay, patience=6)


def summaries(net, data, slides, view):
    with torch.no_grad():
        return torch.stack([nets.summary_vector(net(data.bag(s, view))) for s in slides])


def pattern_targets(data, rows, mapping):
    """Soft tile classes: the truth grid's shares, summed by ``mapping`` (truth class -> tile class)."""
    shares = np.stack([data.cohort.shares(i) for i in rows])
    classes = data.cohort.slides[0].truth.classes
    target = np.zeros((len(rows), len(nets.TILE_CLASSES)), np.float32)
    for column, name in enumerate(classes):
        target[:, nets.TILE_CLASSES.index(mapping[name])] += shares[:, column]
    return torch.tensor(target)


def fit_grade_tiles(models, train, val, mapping, rng):
    x, rows = train.tiles(train.everyone, 0)
    xv, rows_val = val.tiles(val.everyone, 0)
    soft = lambda z, t: -(t * F.log_softmax(z, 1)).sum(1).mean()
    fit_tile_net(models.grade_tile, x, pattern_targets(train, rows, mapping), xv, pattern_targets(val, rows_val, mapping),
                 soft, 15, rng)
    s, sv = (summaries(models.grade_tile, data, data.everyone, 0) for data in (train, val))
    net = models.grade_summary
    net.scaled.fit(s)
    fit([net], lambda: shuffled(len(s), 32, rng), lambda b: ordinal_loss(net(s[b]), train.grade[b]),
        lambda: ordinal_loss(net(sv), val.grade), 300, 1e-2, 0.02, patience=60)


def fit_tmb(models, name, train, val, rng):
    """Every tile inherits its slide's label, softened near the cut-off of 10 mutations/Mb; the loss asks mostly that the mean
    logit of a slide's tiles be right (tiles that tell nothing may stay at the middle), a little that each tile be."""
    view, (tile, summary) = VIEWS.index(TMB_VIEWS[name]), models.tmb[name]

    def fitted(net, chosen):
        net.scaled.fit(train.tiles(chosen, view)[0])
        slope = Slope()

        def loss(data, slides, keep):
            rows = [data.rows[s, view] for s in slides]
            rows = [r if len(r) <= keep else rng.choice(r, keep, replace=False) for r in rows]
            count = torch.tensor([len(r) for r in rows])
            owner = torch.arange(len(rows)).repeat_interleave(count)
            z = net.logits(data.all[np.concatenate(rows)])[:, 0]
            mean = torch.zeros(len(rows)).index_add(0, owner, z) / count
            target = torch.sigmoid((data.log10[slides] - 1) / SOFT_CUTOFF)
            return (F.binary_cross_entropy_with_logits(mean * slope.value, target)
                    + 0.1 * F.binary_cross_entropy_with_logits(z, target[owner]))

        fit([net, slope], lambda: [chosen[b] for b in shuffled(len(chosen), 16, rng)], lambda s: loss(train, s, 48),
            lambda: loss(val, val.everyone, 10 ** 6), 60, 5e-3, 0.05, patience=20)
        return net

    # The distribution net sees scores of slides that the tile net has not seen, as it will in use.
    vectors = torch.empty(len(train.everyone), nets.SUMMARY_PER_CLASS)
    for fold in np.array_split(rng.permutation(train.everyone), FOLDS):
        net = fitted(nets.TileNet(1), np.setdiff1d(train.everyone, fold))
        vectors[fold] = summaries(net, train, fold, view)
    fitted(tile, train.everyone)
    x, xv = vectors, summaries(tile, val, val.everyone, view)
    summary.scaled.fit(x)

    def loss(x, high, log10):
        a, b = summary(x)
        return F.binary_cross_entropy_with_logits(a[:, 0], high) + F.smooth_l1_loss(b[:, 0], log10)

    fit([summary], lambda: shuffled(len(x), 32, rng), lambda b: loss(x[b], train.tmb[b], train.log10[b]),
        lambda: loss(xv, val.tmb, val.log10), 300, 1e-2, 0.02, patience=60)


class Slope(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(1.0))


# ---- attention heads ----

def pooled(instance, x, mask):
    """[B, N, D] -> [B, K, H]."""
    hidden, attention = instance(x.flatten(0, 1))
    hidden, attention = hidden.view(*x.shape[:2], -1), attention.view(*x.shape[:2], -1)
    weights = torch.softmax(attention.masked_fill(~mask[:, :, None], -1e9), 1)
    return weights.transpose(1, 2) @ hidden


def fit_attention(instance, bag, train, val, loss, rng, epochs=60, lr=1e-3, decay=0.05):
    instance.scaled.fit(train.tiles(train.everyone, 0)[0])
    whole = val.padded(val.everyone, 0, 1, rng)
    train_loss = lambda b: loss(pooled(instance, *train.padded(b, 0, 0.5, rng)), train, b)
    fit([instance, bag], lambda: shuffled(len(train.everyone), 16, rng), train_loss,
        lambda: loss(pooled(instance, *whole), val, val.everyone), epochs, lr, decay, patience=20)


def fit_grade_mil(models, train, val, rng):
    loss = lambda m, data, s: ordinal_loss(models.grade_bag(m), data.grade[s])
    fit_attention(models.grade_mil, models.grade_bag, train, val, loss, rng)


def fit_origin(models, train, val, rng):
    def loss(m, data, s):
        origin, site = models.origin_bag(m, data.sex[s])
        return 0.75 * F.cross_entropy(origin, data.origin[s]) + 0.25 * F.cross_entropy(site, data.site[s])

    fit_attention(models.origin, models.origin_bag, train, val, loss, rng)


def fit_all(models, train, val, tile_class_of, rng, log):
    """All slide heads and their temperatures; ``tile_class_of`` maps truth classes to tile classes."""
    fit_grade_tiles(models, train, val, tile_class_of, rng)
    log("grade tiles done")
    fit_grade_mil(models, train, val, rng)
    log("grade attention done")
    for name in TMB_VIEWS:
        fit_tmb(models, name, train, val, rng)
        log(f"{name} done")
    fit_origin(models, train, val, rng)
    log("origin done")
    calibrate(models, slide_outputs(models, val), val)


# ---- answers of the slide models ----

@torch.no_grad()
def slide_outputs(models, data):
    """Every tensor that the fusion may name, for all slides: ``package/tensor`` -> [slides, width]."""
    rows = []
    for s in range(len(data.grade)):
        out = {}
        summary = nets.summary_vector(models.grade_tile(data.bag(s, 0)))[None]
        out["demo-grade-tiles/summary"] = summary
        out["demo-grade-tiles/grade_logits"] = models.grade_summary(summary)
        m = nets.pool(*models.grade_mil(data.bag(s, 0)))
        out["demo-grade-mil/pooled"] = m.flatten(1)
        out["demo-grade-mil/grade_logits"] = models.grade_bag(m)
        for name, mpp in TMB_VIEWS.items():
            tile, end = models.tmb[name]
            summary = nets.summary_vector(tile(data.bag(s, VIEWS.index(mpp))))[None]
            out[f"{name}/summary"] = summary
            out[f"{name}/tmb_logit"], out[f"{name}/tmb_log10"] = end(summary)
        m = nets.pool(*models.origin(data.bag(s, 0)))
        out["demo-origin/pooled"] = m.flatten(1)
        out["demo-origin/origin_logits"], out["demo-origin/site_logits"] = models.origin_bag(m, data.sex[s:s + 1])
        rows.append(out)
    return {k: torch.cat([r[k] for r in rows]) for k in rows[0]}


def best_temperature(negative_log_likelihood):
    """Not below 0.3: where validation slides are separated without an error, the likelihood alone would ask for 0."""
    grid = np.exp(np.linspace(np.log(0.3), np.log(4), 80))
    return float(grid[np.argmin([negative_log_likelihood(t).item() for t in grid])])


def ordinal_probabilities(logits):
    above = torch.cummin(torch.sigmoid(logits), 1).values
    ones = torch.ones(len(logits), 1)
    return torch.cat([ones, above], 1) - torch.cat([above, 0 * ones], 1)


def ordinal_nll(logits, grade):
    return F.nll_loss(ordinal_probabilities(logits).clamp_min(1e-6).log(), grade)


def calibrate(models, out, data):
    t = models.temperature
    for name in ("demo-grade-tiles", "demo-grade-mil"):
        t[name] = best_temperature(lambda v: ordinal_nll(out[f"{name}/grade_logits"] / v, data.grade))
    for name in TMB_VIEWS:
        t[name] = best_temperature(
            lambda v: F.binary_cross_entropy_with_logits(out[f"{name}/tmb_logit"][:, 0] / v, data.tmb))
    strength = {name: (auc(data.tmb, out[f"{name}/tmb_logit"][:, 0]) - 0.5) ** 2 for name in TMB_VIEWS}
    models.weight = {name: round(float(v / sum(strength.values())), 3) for name, v in strength.items()}
    t["demo-origin/origin"] = best_temperature(lambda v: F.cross_entropy(out["demo-origin/origin_logits"] / v, data.origin))
    t["demo-origin/site"] = best_temperature(lambda v: F.cross_entropy(out["demo-origin/site_logits"] / v, data.site))
