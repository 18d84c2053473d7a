#!/usr/bin/python3
"""Writes tiny model packages with fixed random weights and what PyTorch computes with them.

    /usr/bin/python3 tests/reference/make_reference.py

packages/ holds one package of each form; expected/NAME.json holds inputs' sizes and expected outputs. Inputs are formulas
that every language reproduces (double precision, then rounded to float32):

    features[i, j]    = sin(0.37 i + 1.13 j)
    pixel[n, y, x, c] = (7 x + 13 y + 29 c + 53 n) mod 256            (a byte)
    omics[g]          = cos(0.9 g), except g = 4, which is missing

Tolerance for comparisons: 1e-4 absolute on every number (float32 sums in another order differ by less than 1e-5 here).
Pooling, summary and probabilities are computed here in double from the graph's float32 outputs.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))
from demo_training.packages import Package, sha256, short_lists  # noqa: E402

SEED = 8
TILE_PX, D, H, C, GENES = 32, 16, 8, 3, 6
BAGS = (1, 7, 300)
MEAN, STD = [0.5, 0.4, 0.6], [0.25, 0.2, 0.3]
TILE = {"sizePx": TILE_PX, "micronsPerPixel": 0.5, "overlapPx": 0}
COMMON = {"description": "Random weights for tests.", "trainedOn": "Nothing: random weights.", "intendedUse": "Tests only.",
          "licence": "Apache-2.0", "synthetic": True}
SEX = {"name": "sex", "values": {"F": 0.0, "M": 1.0}, "missing": 0.5}
OMICS_NAMES = [f"GENE{g + 1}" for g in range(GENES)]
OMICS_MEAN = [0.1 * g for g in range(GENES)]
OMICS_STD = [1.0 + 0.2 * g for g in range(GENES)]


def features(n):
    i, j = np.mgrid[0:n, 0:D]
    return torch.from_numpy(np.sin(i * 0.37 + j * 1.13).astype(np.float32))


def pixels(n):
    t, y, x, c = np.mgrid[0:n, 0:TILE_PX, 0:TILE_PX, 0:3]
    return ((7 * x + 13 * y + 29 * c + 53 * t) % 256).astype(np.uint8)


def normalised(tiles):
    x = torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, 2, 1)
        self.b = nn.Conv2d(8, D, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.b(torch.relu(self.a(x)))).mean(dim=(2, 3))


class PixelScores(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.out = nn.Linear(D, 1)

    def forward(self, x):
        return torch.sigmoid(self.out(self.encoder(x)))


class Scores(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(D, C)

    def forward(self, x):
        return torch.softmax(2 * self.out(x), 1)


class GradeSummary(nn.Module):
    """Deliberately not monotone for every input: the ordinal rule must repair it."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8 * C, 5)

    def forward(self, x):
        return self.out(x)


class TmbSummary(nn.Module):
    def __init__(self):
        super().__init__()
        self.logit = nn.Linear(8, 1)
        self.log10 = nn.Linear(8, 1)

    def forward(self, x):
        return self.logit(x), self.log10(x)


class Instance(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.embed = nn.Linear(D, H)
        self.tanh = nn.Linear(H, 4)
        self.gate = nn.Linear(H, 4)
        self.score = nn.Linear(4, rows)

    def forward(self, x):
        h = torch.relu(self.embed(x))
        return h, 8 * self.score(torch.tanh(self.tanh(h)) * torch.sigmoid(self.gate(h)))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.origin = nn.Linear(H + 1, 3)
        self.site = nn.Linear(H + 1, 2)

    def forward(self, pooled, covariates):
        return (self.origin(torch.cat([pooled[:, 0], covariates], 1)),
                self.site(torch.cat([pooled[:, 1], covariates], 1)))


class Whole(nn.Module):
    """Tiles attend to each other before gated pooling: cannot be streamed."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(D, H), nn.Linear(D, H), nn.Linear(D, H)
        self.score = nn.Linear(H, 1)
        self.out = nn.Linear(H + 1, 3)

    def forward(self, x, covariates):
        mixed = torch.softmax(self.q(x) @ self.k(x).t() / H ** 0.5, 1) @ self.v(x)
        attention = 4 * self.score(torch.tanh(mixed))
        pooled = torch.softmax(attention, 0).t() @ mixed
        return self.out(torch.cat([pooled, covariates], 1)), attention


class Fusion(nn.Module):
    def __init__(self, slide):
        super().__init__()
        self.slide = nn.Linear(slide, 8)
        self.omics = nn.Linear(GENES, 8)
        self.origin = nn.Linear(8, 3)
        self.log10 = nn.Linear(8, 1)

    def forward(self, slide, omics):
        h = torch.tanh(self.slide(slide)) * torch.sigmoid(self.omics(omics))
        return self.origin(h), self.log10(h)


def summary(scores):
    columns = []
    for s in scores.double().numpy().T:
        assert np.abs(s - 0.5).min() > 1e-5, "a score so near 0.5 makes the share depend on rounding"
        columns += [s.mean(), s.std(), *np.quantile(s, [0.1, 0.25, 0.5, 0.75, 0.9]), (s >= 0.5).mean()]
    return np.array(columns)


def pooled(hidden, attention):
    weights = torch.softmax(attention.double(), 0)
    return (weights.t() @ hidden.double())[None].float()


def softmax(logits, temperature):
    z = np.asarray(logits, float).ravel() / temperature
    e = np.exp(z - z.max())
    return e / e.sum()


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z, float)))


def ordinal(logits, temperature):
    above = np.minimum.accumulate(sigmoid(np.asarray(logits, float).ravel() / temperature))
    return -np.diff(np.concatenate([[1.0], above, [0.0]])) + 0.0


def plain(value):
    array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return json.loads(json.dumps(array.astype(float).tolist()), parse_float=lambda t: float(f"{float(t):.7g}"))


def save(name, formula, cases):
    folder = HERE / "expected"
    folder.mkdir(exist_ok=True)
    text = short_lists(json.dumps({"package": name, "inputs": formula, "tolerance": 1e-4, "cases": cases}, indent=1))
    (folder / f"{name}.json").write_text(text + "\n")


def case(**values):
    return {k: v if isinstance(v, (int, str, float, dict, list)) else plain(v) for k, v in values.items()}


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    root = HERE / "packages"
    pixel_input = {"pixels": [-1, 3, TILE_PX, TILE_PX]}
    feature_input = {"features": [-1, D]}
    norm = {"mean": MEAN, "std": STD}

    encoder = Encoder().eval()
    p = Package(root, "ref-encoder", "encoder", tile=TILE, normalisation=norm, **COMMON)
    p.graph("tile", encoder, pixel_input, {"features": [-1, D]})
    p.write()
    reference = {"name": "ref-encoder", "sha256": sha256(p.folder / "tile.onnx"), "dimension": D}
    save("ref-encoder", "pixel formula, 32 px tiles", [case(n=n, features=encoder(normalised(pixels(n)))) for n in (1, 3)])

    net, end = PixelScores().eval(), TmbSummary().eval()
    p = Package(root, "ref-pixel-tiles", "tile-classifier", tile=TILE, normalisation=norm, **COMMON)
    p.graph("tile", net, pixel_input, {"scores": [-1, 1]})
    p.graph("summary", end, {"summary": [1, 8]}, {"tmb_logit": [1, 1], "tmb_log10": [1, 1]})
    p.write(outputs=[{"task": "tmb", "tensor": "tmb_logit", "type": "binary", "labels": ["TMB-low", "TMB-high"], "temperature": 1.5},
                     {"task": "tmb", "tensor": "tmb_log10", "type": "regression", "quantity": "mutations_per_mb",
                      "unit": "mutations/Mb", "transform": "pow10"}],
            tileOutput={"task": "tmb", "tensor": "scores", "labels": ["TMB-high"], "quantity": "probability"})
    cases = []
    for n in (1, 3):
        scores = net(normalised(pixels(n)))
        s = summary(scores)
        logit, log10 = end(torch.tensor(s[None], dtype=torch.float32))
        cases.append(case(n=n, scores=scores, summary=s, tmb_logit=logit, tmb_log10=log10,
                          probability=float(sigmoid(logit.item() / 1.5)), mutations_per_mb=10 ** log10.item()))
    save("ref-pixel-tiles", "pixel formula, 32 px tiles", cases)

    net, end = Scores().eval(), GradeSummary().eval()
    p = Package(root, "ref-tiles", "tile-classifier", tile=TILE, encoder=reference, **COMMON)
    p.graph("tile", net, feature_input, {"scores": [-1, C]})
    p.graph("summary", end, {"summary": [1, 8 * C]}, {"grade_logits": [1, 5]})
    p.write(outputs=[{"task": "grade", "tensor": "grade_logits", "type": "ordinal", "labels": list("012345"), "temperature": 0.8}],
            tileOutput={"task": "grade", "tensor": "scores", "labels": ["benign", "ordered", "disordered"],
                        "quantity": "expected-class"})
    tiles = {}
    cases = []
    for n in BAGS:
        scores = net(features(n))
        tiles[n] = summary(scores)
        logits = end(torch.tensor(tiles[n][None], dtype=torch.float32))
        cases.append(case(n=n, expected_class=(scores @ torch.arange(3.0)), summary=tiles[n], grade_logits=logits,
                          probabilities=ordinal(logits.detach().numpy(), 0.8)))
    save("ref-tiles", "feature formula, 16 columns", cases)

    instance, bag = Instance(2).eval(), Bag().eval()
    p = Package(root, "ref-streamed", "slide-head", tile=TILE, encoder=reference, covariates=[SEX], **COMMON)
    p.graph("instance", instance, feature_input, {"hidden": [-1, H], "attention": [-1, 2]})
    p.graph("bag", bag, {"pooled": [1, 2, H], "covariates": [1, 1]}, {"origin_logits": [1, 3], "site_logits": [1, 2]})
    p.write(outputs=[{"task": "origin", "tensor": "origin_logits", "type": "categorical", "labels": ["A", "B", "C"],
                      "temperature": 2.0, "attention": 0},
                     {"task": "site", "tensor": "site_logits", "type": "categorical", "labels": ["Primary", "Metastatic"],
                      "attention": 1}])
    streamed, cases = {}, []
    for n in BAGS:
        for sex, value in (("M", 1.0), ("", 0.5)):
            hidden, attention = instance(features(n))
            m = pooled(hidden, attention)
            origin, site = bag(m, torch.tensor([[value]]))
            streamed[n, sex] = m, origin
            cases.append(case(n=n, sex=sex, attention=attention, pooled=m, origin_logits=origin, site_logits=site,
                              origin_probabilities=softmax(origin.detach().numpy(), 2.0),
                              site_probabilities=softmax(site.detach().numpy(), 1.0)))
    save("ref-streamed", "feature formula, 16 columns; sex '' is missing (0.5)", cases)

    whole = Whole().eval()
    p = Package(root, "ref-whole", "slide-head", tile=TILE, encoder=reference, covariates=[SEX], **COMMON)
    p.graph("whole", whole, {**feature_input, "covariates": [1, 1]}, {"origin_logits": [1, 3], "attention": [-1, 1]})
    p.write(outputs=[{"task": "origin", "tensor": "origin_logits", "type": "categorical", "labels": ["A", "B", "C"],
                      "attention": 0}])
    cases = []
    for n in BAGS:
        origin, attention = whole(features(n), torch.tensor([[1.0]]))
        cases.append(case(n=n, sex="M", attention=attention, origin_logits=origin,
                          origin_probabilities=softmax(origin.detach().numpy(), 1.0)))
    save("ref-whole", "feature formula, 16 columns", cases)

    width = 2 * H + 3 + 8 * C
    fusion = Fusion(width).eval()
    p = Package(root, "ref-fusion", "fusion-head", **COMMON)
    p.graph("fusion", fusion, {"slide": [1, width], "omics": [1, GENES]}, {"origin_logits": [1, 3], "tmb_log10": [1, 1]})
    p.omics("omics-features.csv", OMICS_NAMES, OMICS_MEAN, OMICS_STD)
    p.write(outputs=[{"task": "origin", "tensor": "origin_logits", "type": "categorical", "labels": ["A", "B", "C"],
                      "temperature": 1.25},
                     {"task": "tmb", "tensor": "tmb_log10", "type": "regression", "quantity": "mutations_per_mb",
                      "unit": "mutations/Mb", "transform": "pow10"}],
            fusion={"slideInput": "slide", "slideSources": ["ref-streamed/pooled", "ref-streamed/origin_logits", "ref-tiles/summary"],
                    "omicsInput": "omics", "omicsFeaturesFile": "omics-features.csv"})
    raw = np.cos(0.9 * np.arange(GENES))
    scaled = (raw - OMICS_MEAN) / OMICS_STD
    scaled[4] = 0.0
    cases = []
    for n in BAGS:
        m, origin = streamed[n, "M"]
        slide = torch.cat([m.flatten(), origin.flatten(), torch.tensor(tiles[n], dtype=torch.float32)])[None]
        logits, log10 = fusion(slide, torch.tensor(scaled[None], dtype=torch.float32))
        cases.append(case(n=n, sex="M", slide=slide, omics_scaled=scaled, origin_logits=logits, tmb_log10=log10,
                          origin_probabilities=softmax(logits.detach().numpy(), 1.25), mutations_per_mb=10 ** log10.item()))
    save("ref-fusion", "feature formula for both heads, omics formula with GENE5 missing", cases)


if __name__ == "__main__":
    main()
