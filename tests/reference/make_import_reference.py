#!/usr/bin/python3
"""What PyTorch (1.13, CPU) computes with every head that can be imported, weights from formulas.

    /usr/bin/python3 tests/reference/make_import_reference.py [NAME...]

expected/heads/NAME.json holds a checkpoint's keys with their shapes, and for bags of 1, 2, 15 and 1,000 tiles the logits and the
attention of the first 15 tiles. Weights: encoders/formulas.py with the gain below. A bag's features, in [0, 1) as after a ReLU:

    features[i, j] = (u("bag", i D + j) + 1) / 2          omics[g] = u("omics", g)

Tolerance: 1e-4 absolute on every number.
"""
import json
import re
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from encoders import formulas  # noqa: E402
from heads import attention, others, survival  # noqa: E402

BAGS = (1, 2, 15, 1000)
ROWS = 15
GAIN = 1.5
OMICS = [20, 30, 10, 25, 15, 40]
KS = [1, 2, 5, 10, 20, 50, 100]


class Case:
    def __init__(self, name, arch, net, width, omics=0, sex=None, settings=None, ordered=False, outputs=("logits",)):
        self.name, self.arch, self.net, self.width = name, arch, net, width
        self.omics, self.sex, self.settings, self.ordered, self.outputs = omics, sex, settings or {}, ordered, outputs


CASES = [
    Case("clam-sb-small", "clam-sb", attention.ClamSb(), 1024),
    Case("clam-sb-big-4", "clam-sb", attention.ClamSb(4, True, 384, 768), 768),
    Case("clam-sb-plain", "clam-sb", attention.ClamSb(2, gate=False), 1024),
    Case("clam-sb-no-dropout", "clam-sb", attention.ClamSb(2, dropout=False), 1024),
    Case("clam-mb", "clam-mb", attention.ClamMb(), 1024),
    Case("clam-mil", "clam-mil", attention.ClamMil(2), 1024),
    Case("clam-mil-3", "clam-mil", attention.ClamMil(3), 1024),
    Case("toad", "toad", attention.Toad(True), 1024, sex=1.0, outputs=("origin_logits", "site_logits")),
    Case("toad-no-dropout", "toad", attention.Toad(False), 1024, sex=0.0, outputs=("origin_logits", "site_logits")),
    Case("ab-mil", "ab-mil", attention.AbMil(False), 1024),
    Case("ab-mil-gated", "ab-mil-gated", attention.AbMil(True), 1024),
    Case("ab-mil-owkin", "ab-mil-owkin", attention.OwkinAbMil(), 768),
    Case("mean-pool", "mean-pool", attention.MeanPool(), 512),
    Case("mean-mil", "mean-mil", attention.PooledLogits(True), 1024),
    Case("max-mil", "max-mil", attention.PooledLogits(False), 1024),
    Case("dsmil", "dsmil", others.Dsmil(1, 512), 512),
    Case("dsmil-2-value", "dsmil", others.Dsmil(2, 1024, nonlinear=False, value=True), 1024, outputs=("logit_0", "logit_1")),
    Case("transmil", "transmil", others.TransMil(), 1024, ordered=True),
    Case("chowder", "chowder", others.Chowder(), 768),
    Case("he2rna", "he2rna", others.He2Rna(5, KS), 2048, settings={"k": "+".join(map(str, KS))}, outputs=("expression",)),
    Case("mil-rnn", "mil-rnn", others.MilRnn(), 512),
    Case("porpoise-amil", "porpoise-amil", survival.PorpoiseAmil(), 1024),
    Case("amil-survival", "amil-survival", survival.Amil(), 1024),
    Case("amil-survival-omics", "amil-survival", survival.Amil(140), 1024, omics=140),
    Case("amil-survival-bilinear", "amil-survival", survival.Amil(140, lambda: survival.Bilinear(False, False)), 1024, omics=140),
    Case("porpoise-mmf", "porpoise-mmf", survival.PorpoiseMmf(140), 1024, omics=140),
    Case("porpoise-mmf-no-dropinput", "porpoise-mmf", survival.PorpoiseMmf(140, False), 1024, omics=140),
    Case("deepsets-survival", "deepsets-survival", survival.DeepSets(), 1024),
    Case("mcat", "mcat", survival.Mcat(OMICS, survival.Concat), 1024, omics=sum(OMICS)),
    Case("mcat-bilinear", "mcat", survival.Mcat(OMICS, lambda: survival.Bilinear(False)), 1024, omics=sum(OMICS)),
]


def fill(net):
    """Weights by formula; gives the lines 'key shape'."""
    state = net.state_dict()
    for key, value in state.items():
        value.copy_(torch.from_numpy(formulas.weight(key, tuple(value.shape), GAIN)))
    return [" ".join([key, *map(str, value.shape)]) for key, value in state.items()]


def bag(count, width):
    return torch.from_numpy(((formulas.unit("bag", count * width) + 1) / 2).astype(np.float32).reshape(count, width))


def numbers(values):
    return [float(np.format_float_positional(v, 7, unique=False, fractional=False, trim="-")) for v in np.asarray(values, dtype=np.float64).ravel()]


def write(case):
    tensors = fill(case.net)
    case.net.eval()
    extra = [case.sex] if case.sex is not None else []
    if case.omics:
        extra.append(torch.from_numpy(formulas.unit("omics", case.omics).astype(np.float32))[None])
    bags = []
    for count in BAGS:
        *answers, raw = case.net(bag(count, case.width), *extra)
        if len(case.outputs) > len(answers):
            answers = [answers[0][:, i:i + 1] for i in range(len(case.outputs))]
        bags.append({
            "tiles": count,
            "outputs": {name: numbers(answer) for name, answer in zip(case.outputs, answers)},
            "attention": [] if raw is None else numbers(raw[:ROWS]),
        })
    result = {"name": case.name, "architecture": case.arch, "gain": GAIN, "width": case.width, "omics": case.omics, "sex": case.sex,
              "settings": case.settings, "ordered": case.ordered, "tensors": tensors, "bags": bags}
    target = HERE / "expected" / "heads" / f"{case.name}.json"
    target.write_text(re.sub(r"\[\s+(-?\d[^\[\]]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", json.dumps(result, indent=1)) + "\n")
    largest = max(abs(v) for b in bags for o in b["outputs"].values() for v in o)
    print(f"{case.name}: {sum(int(np.prod([int(s) for s in t.split()[1:]])) for t in tensors):,} weights, largest output {largest:.3g}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert torch.__version__.startswith("1.13"), torch.__version__
    with torch.no_grad():
        for one in CASES:
            if len(sys.argv) == 1 or one.name in sys.argv[1:]:
                write(one)
