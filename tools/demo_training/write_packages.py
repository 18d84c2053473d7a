"""The demonstration packages: which graph, tensor and output each of them has."""
import torch

from . import nets
from .packages import Package, sha256

MEAN = [0.75, 0.60, 0.75]
STD = [0.20, 0.20, 0.20]
TILE_PX = 256
TMB_VIEWS = {"demo-tmb-5x": 2.0, "demo-tmb-10x": 1.0, "demo-tmb-20x": 0.5}
SEX = {"name": "sex", "values": {"F": 0.0, "M": 1.0}, "missing": 0.5}
FUSION_SEED = 30
INTENDED_USE = "Demonstration and tests only; never for real slides or patients."


LOG10 = {"quantity": "mutations_per_mb", "unit": "mutations/Mb", "transform": "pow10"}


class Models:
    """All networks of the set, with temperatures; untrained after construction."""

    def __init__(self, genes):
        self.genes = list(genes)
        self.omics_mean = [0.0] * len(self.genes)
        self.omics_std = [1.0] * len(self.genes)
        self.encoder = nets.Encoder()
        self.grade_tile = nets.TileNet(len(nets.TILE_CLASSES))
        self.grade_summary = nets.GradeSummary()
        self.grade_mil = nets.GatedAttention(1)
        self.grade_bag = nets.GradeBag()
        self.tmb = {name: (nets.TileNet(1), nets.TmbSummary()) for name in TMB_VIEWS}
        self.origin = nets.GatedAttention(2)
        self.origin_bag = nets.OriginBag()
        # The committed heads were fitted with the random stream this far on; the fusion net draws from one of its own.
        torch.rand(10_493)
        with torch.random.fork_rng():
            torch.manual_seed(FUSION_SEED)
            self.fusion = nets.Fusion(len(self.genes))
        self.temperature = {}
        self.weight = {}


def common_fields(trained_on):
    return {"trainedOn": trained_on, "intendedUse": INTENDED_USE, "licence": "Apache-2.0", "synthetic": True}


def write_heads(models, root, trained_on):
    """The encoder and the slide heads."""
    common = common_fields(trained_on)
    d = nets.FEATURE_DIM

    def task(task, tensor, kind, key, **more):
        return output(task, tensor, kind, models.temperature.get(key, 1.0), **more)

    def view(mpp):
        return {"sizePx": TILE_PX, "micronsPerPixel": mpp, "overlapPx": 0}

    features = {"features": [-1, d]}

    p = Package(root, "demo-encoder", "encoder", tile=view(0.5), normalisation={"mean": MEAN, "std": STD}, **common,
                description="Residual CNN with 256 features a tile, 0.30 GFLOP (multiply and add counted apart) at 256 px. "
                            "Trained on synthetic slides.")
    p.graph("tile", models.encoder, {"pixels": [-1, 3, TILE_PX, TILE_PX]}, features)
    p.write()
    encoder = {"name": "demo-encoder", "sha256": sha256(p.folder / "tile.onnx"), "dimension": d}

    c = len(nets.TILE_CLASSES)
    p = Package(root, "demo-grade-tiles", "tile-classifier", tile=view(0.5), encoder=encoder, **common,
                description="Growth pattern of each tile; the grade is read from the distribution of the patterns over the "
                            "slide. Trained on synthetic slides.")
    p.graph("tile", models.grade_tile, features, {"scores": [-1, c]})
    p.graph("summary", models.grade_summary, {"summary": [1, 8 * c]}, {"grade_logits": [1, 5]})
    p.write(outputs=[task("grade", "grade_logits", "ordinal", "demo-grade-tiles", labels=nets.GRADES)],
            tileOutput={"task": "grade", "tensor": "scores", "labels": nets.TILE_CLASSES, "quantity": "expected-class"})

    p = Package(root, "demo-grade-mil", "slide-head", tile=view(0.5), encoder=encoder, **common,
                description="Gated attention pooling with an ordinal grade. Trained on synthetic slides.")
    p.graph("instance", models.grade_mil, features, {"hidden": [-1, 64], "attention": [-1, 1]})
    p.graph("bag", models.grade_bag, {"pooled": [1, 1, 64]}, {"grade_logits": [1, 5]})
    p.write(outputs=[task("grade", "grade_logits", "ordinal", "demo-grade-mil", labels=nets.GRADES, attention=0)])

    for name, mpp in TMB_VIEWS.items():
        tile, summary = models.tmb[name]
        p = Package(root, name, "tile-classifier", tile=view(mpp), encoder=encoder, **common,
                    description="One of three scales of a TMB model in Image2TMB's manner: every tile inherits the slide's label "
                                "(softened near the cut-off of 10 mutations/Mb), and the distribution of tile probabilities gives the slide's answer. A small net on the "
                                "summary vector stands where Image2TMB has a random forest. Trained on synthetic slides.")
        p.graph("tile", tile, features, {"scores": [-1, 1]})
        p.graph("summary", summary, {"summary": [1, 8]}, {"tmb_logit": [1, 1], "tmb_log10": [1, 1]})
        p.write(outputs=[task("tmb", "tmb_logit", "binary", name, labels=nets.TMB_LABELS,
                              weight=models.weight.get(name, 1.0)),
                         task("tmb", "tmb_log10", "regression", "", **LOG10, weight=models.weight.get(name, 1.0))],
                tileOutput={"task": "tmb", "tensor": "scores", "labels": ["TMB-high"], "quantity": "probability"})

    p = Package(root, "demo-origin", "slide-head", tile=view(0.5), encoder=encoder, covariates=[SEX], **common,
                description="Tumour origin and primary/metastatic in TOAD's manner: two attention rows over shared tiles, sex "
                            "appended to both pooled vectors. Trained on synthetic slides.")
    p.graph("instance", models.origin, features, {"hidden": [-1, 64], "attention": [-1, 2]})
    p.graph("bag", models.origin_bag, {"pooled": [1, 2, 64], "covariates": [1, 1]},
            {"origin_logits": [1, 6], "site_logits": [1, 2]})
    p.write(outputs=[task("origin", "origin_logits", "categorical", "demo-origin/origin", labels=nets.ORIGINS, attention=0),
                     task("site", "site_logits", "categorical", "demo-origin/site", labels=nets.SITES, attention=1)])


def write_fusion(models, root, trained_on):
    """Temperatures are 1: the slide models' own are inside the graph, and the mixes are fitted with them."""
    p = Package(root, "demo-fusion", "fusion-head", **common_fields(trained_on),
                description=f"Omics added to the slide models' own answers: log-likelihoods of grade and origin behind a gate "
                            f"({models.fusion.grade_gate.item():.2f} and {models.fusion.origin_gate.item():.2f}; 0 leaves the slide's answer), a linear mix of log10 for TMB. "
                            f"Trained on synthetic slides with synthetic expression.")
    width, genes = nets.Fusion.SLIDE_WIDTH, len(models.genes)
    p.graph("fusion", models.fusion, {"slide": [1, width], "omics": [1, genes]},
            {"grade_logits": [1, 5], "tmb_logit": [1, 1], "tmb_log10": [1, 1], "origin_logits": [1, 6]})
    p.omics("omics-features.csv", models.genes, models.omics_mean, models.omics_std)
    p.write(outputs=[output("grade", "grade_logits", "ordinal", 1.0, labels=nets.GRADES),
                     output("tmb", "tmb_logit", "binary", 1.0, labels=nets.TMB_LABELS),
                     output("tmb", "tmb_log10", "regression", 1.0, **LOG10),
                     output("origin", "origin_logits", "categorical", 1.0, labels=nets.ORIGINS)],
            fusion={"slideInput": "slide", "slideSources": [name for name, _ in nets.Fusion.SOURCES],
                    "omicsInput": "omics", "omicsFeaturesFile": "omics-features.csv"})


def output(task, tensor, kind, temperature, **more):
    return {"task": task, "tensor": tensor, "type": kind, "temperature": round(temperature, 4), **more}
