"""Scores the models as the pipeline will answer: members' probabilities averaged, fusion where a case has omics."""
import torch

from . import fusion_training as fusion
from . import head_training as heads
from . import nets
from .metrics import accuracy, auc, bootstrap, quadratic_kappa
from .write_packages import TMB_VIEWS


@torch.no_grad()
def answers(models, data, out):
    """{task: (slide alone, with omics)} as numpy arrays; cases without omics keep the slide's answer."""
    t = models.temperature
    grade = sum(heads.ordinal_probabilities(out[f"{n}/grade_logits"] / t[n]) for n in ("demo-grade-mil", "demo-grade-tiles")) / 2
    w = {n: models.weight[n] / sum(models.weight.values()) for n in TMB_VIEWS}
    tmb = sum(w[n] * torch.sigmoid(out[f"{n}/tmb_logit"][:, 0] / t[n]) for n in TMB_VIEWS)
    log10 = sum(w[n] * out[f"{n}/tmb_log10"][:, 0] for n in TMB_VIEWS)
    origin = torch.softmax(out["demo-origin/origin_logits"] / t["demo-origin/origin"], 1)
    site = out["demo-origin/site_logits"].argmax(1)
    rows, omics = fusion.omics_of(models, data.cohort)
    g, m, r, o = models.fusion(fusion.slide_vector(out)[rows], omics)
    fused = [grade.clone(), tmb.clone(), log10.clone(), origin.clone()]
    fused[0][rows] = heads.ordinal_probabilities(g)
    fused[1][rows] = torch.sigmoid(m[:, 0])
    fused[2][rows] = r[:, 0]
    fused[3][rows] = torch.softmax(o, 1)
    pairs = {"grade": (grade, fused[0]), "tmb": (tmb, fused[1]), "log10": (log10, fused[2]), "origin": (origin, fused[3]),
             "site": (site, site)}
    label = lambda k, v: v.argmax(1) if k in ("grade", "origin") else v
    return {k: tuple(label(k, v).numpy() for v in pair) for k, pair in pairs.items()}


def report(models, data, out):
    pairs = answers(models, data, out)
    truth = {"grade": data.grade, "tmb": data.tmb, "log10": data.log10, "origin": data.origin, "site": data.site}
    negative_error = lambda t, a: -float(abs(t - a).mean())
    lines = ["| task | metric | slide alone | fused | n |", "| --- | --- | --- | --- | --- |"]
    for task, name, metric in (("grade", "quadratic kappa", quadratic_kappa), ("tmb", "AUC", auc),
                               ("log10", "minus mean error", negative_error), ("origin", "top-1", accuracy),
                               ("site", "top-1", accuracy)):
        slide, fused = bootstrap(metric, truth[task].numpy(), *pairs[task], rounds=500)
        show = lambda v: f"{v[0]:.3f} ({v[1]:.3f} to {v[2]:.3f})"
        lines.append(f"| {task} | {name} | {show(slide)} | {show(fused)} | {len(truth[task])} |")
    lines.append("members: " + ", ".join(
        [f"{n} kappa {quadratic_kappa(data.grade, heads.ordinal_probabilities(out[n + '/grade_logits']).argmax(1)):.3f}"
         for n in ("demo-grade-mil", "demo-grade-tiles")]
        + [f"{n} AUC {auc(data.tmb, out[n + '/tmb_logit'][:, 0]):.3f}" for n in TMB_VIEWS]))
    return "\n".join(lines)
