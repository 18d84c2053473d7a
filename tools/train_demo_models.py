#!/usr/bin/python3
"""Trains the demonstration model packages on synthetic slides and writes them.

The committed packages come from these commands (seeds fixed; the cohorts are made by tools/SlideMesh.Synth):

    slidemesh-synth cohort --out COHORTS/train --slides 320 --seed 101
    slidemesh-synth cohort --out COHORTS/validation --slides 100 --seed 202
    slidemesh-synth cohort --out COHORTS/test --slides 100 --seed 303
    /usr/bin/python3 tools/train_demo_models.py --cohorts COHORTS --out tools/demo-models --seed 20

COHORTS/train has two parts: on its first slides the encoder learns, on the others the heads, which therefore see features
as they are on new slides. Validation slides stop the training early, calibrate temperatures and set the fusion's gate. Test
slides are only scored.

    /usr/bin/python3 tools/train_demo_models.py --untrained --out tools/demo-models

writes the same packages with random weights.
"""
import argparse
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from demo_training import encoder_training, evaluation, head_training as heads  # noqa: E402
from demo_training.cohort import Cohort  # noqa: E402
from demo_training.write_packages import TMB_VIEWS, Models, write_all  # noqa: E402

TUMOUR_CLASSES = ["OrderedTumour", "DisorderedTumour"]
TILE_CLASS_OF = {"Glass": "benign", "Stroma": "benign", "Lymphoid": "benign",
                 "OrderedTumour": "ordered", "DisorderedTumour": "disordered"}


def log(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder that receives one folder per package")
    parser.add_argument("--untrained", action="store_true", help="random weights: right shapes, useless answers")
    parser.add_argument("--cohorts", type=Path, help="folder with train, validation and test")
    parser.add_argument("--cache", type=Path, help="where tiles and features are kept; default: COHORTS/cache")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder-slides", type=float, default=0.45, help="share of the training slides for the encoder")
    parser.add_argument("--encoder-steps", type=int, default=7000)
    parser.add_argument("--keep-encoder", action="store_true", help="use the encoder and features of the last run in the cache")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    if args.untrained:
        write_all(Models([f"GENE{i:03d}" for i in range(1, 201)]), args.out, "Nothing: random weights.")
        return
    torch.set_num_threads(args.threads)
    train(args)


def train(args):
    cache = args.cache or args.cohorts / "cache"
    cohorts = {name: Cohort(args.cohorts / name, cache / name) for name in ("train", "validation", "test")}
    for name, c in cohorts.items():
        log(f"{name}: {len(c.slides)} slides, {len(c.tiles)} tiles, {np.bincount(c.view)} by view")
    models = Models(cohorts["train"].genes)
    count = len(cohorts["train"].slides)
    first = int(count * args.encoder_slides)

    stored = cache / "encoder.pkl"
    if args.keep_encoder and stored.exists():
        state, features = pickle.loads(stored.read_bytes())
        models.encoder.load_state_dict(state)
    else:
        encoder_training.train_encoder(models.encoder, cohorts["train"], range(first), TUMOUR_CLASSES, args.encoder_steps,
                                       args.seed, log)
        features = {name: encoder_training.features_of(models.encoder, c) for name, c in cohorts.items()}
        stored.write_bytes(pickle.dumps((models.encoder.state_dict(), features)))
    log("features done")

    torch.manual_seed(args.seed + 1)
    rng = np.random.default_rng(args.seed)
    data = {name: heads.Features(c, features[name]) for name, c in cohorts.items()}
    train_data, val, rest = data["train"], data["validation"], list(range(first, count))
    heads.fit_omics_scale(models, cohorts["train"])
    heads.fit_grade_tiles(models, train_data, rest, val, TILE_CLASS_OF, rng)
    log("grade tiles done")
    heads.fit_grade_mil(models, train_data, rest, val, rng)
    log("grade attention done")
    for name in TMB_VIEWS:
        heads.fit_tmb(models, name, train_data, rest, val, rng)
        log(f"{name} done")
    heads.fit_origin(models, train_data, rest, val, rng)
    log("origin done")
    out_val = heads.slide_outputs(models, val)
    heads.calibrate(models, out_val, val)
    heads.fit_fusion(models, train_data, val, out_val, rng)
    log(f"temperatures: { {k: round(v, 2) for k, v in models.temperature.items()} }")
    for name in ("validation", "test"):
        print(f"\n{name}\n" + evaluation.report(models, data[name], heads.slide_outputs(models, data[name])))
    write_all(models, args.out, f"Synthetic slides of SlideMesh.Synth ({first} for the encoder, {count - first} for the heads, "
                                f"{len(cohorts['validation'].slides)} for calibration). No real tissue.")
    log("packages written")


if __name__ == "__main__":
    main()
