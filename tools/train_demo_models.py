#!/usr/bin/python3
"""Trains the demonstration model packages on synthetic slides and writes them.

The committed packages come from these commands (seeds fixed; the cohorts are made by tools/SlideMesh.Synth):

    slidemesh-synth cohort --out COHORTS/encoder --slides 200 --seed 101
    slidemesh-synth cohort --out COHORTS/heads --slides 160 --seed 505
    slidemesh-synth cohort --out COHORTS/validation --slides 100 --seed 202
    slidemesh-synth cohort --out COHORTS/test --slides 80 --seed 404
    /usr/bin/python3 tools/train_demo_models.py --cohorts COHORTS --out tools/demo-models --seed 20

About 30 minutes on two cores. MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592 in the environment spare glibc
the remapping of large temporaries, which otherwise takes most of the time of the heads.

The encoder learns on slides of its own, so that the heads see features as they are on new slides. Validation slides stop the
training early, calibrate temperatures and set the fusion's gate. Test slides are only scored.

    /usr/bin/python3 tools/train_demo_models.py --untrained --out tools/demo-models

writes the same packages with random weights.
"""
import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from demo_training import encoder_training, evaluation, head_training as heads  # noqa: E402
from demo_training.cohort import Cohort  # noqa: E402
from demo_training.nets import Encoder  # noqa: E402
from demo_training.write_packages import TMB_VIEWS, Models, write_all  # noqa: E402

ENCODER_SLIDES = 200
TUMOUR_CLASSES = ["OrderedTumour", "DisorderedTumour"]
TILE_CLASS_OF = {"Glass": "benign", "Stroma": "benign", "Lymphoid": "benign",
                 "OrderedTumour": "ordered", "DisorderedTumour": "disordered"}


def log(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder that receives one folder per package")
    parser.add_argument("--untrained", action="store_true", help="random weights: right shapes, useless answers")
    parser.add_argument("--cohorts", type=Path, help="folder with encoder, heads, validation and test")
    parser.add_argument("--cache", type=Path, help="where tiles and features are kept; default: COHORTS/cache")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder-steps", type=int, default=4500)
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
    stored = cache / "encoder.pt"
    encoder = Encoder()
    if args.keep_encoder and stored.exists():
        encoder.load_state_dict(torch.load(stored))
    else:
        cohort = Cohort(args.cohorts / "encoder", cache / "encoder")
        encoder_training.train_encoder(encoder, cohort, TUMOUR_CLASSES, args.encoder_steps, args.seed, log)
        torch.save(encoder.state_dict(), stored)

    cohorts, features = {}, {}
    for name in ("heads", "validation", "test"):
        c = cohorts[name] = Cohort(args.cohorts / name, cache / name)
        log(f"{name}: {len(c.slides)} slides, {len(c.tiles)} tiles, {np.bincount(c.view)} by view")
        features[name] = encoder_training.stored_features(encoder, c, cache / name / "features.npy")
    torch.manual_seed(args.seed + 1)
    models = Models(cohorts["heads"].genes)
    models.encoder = encoder

    rng = np.random.default_rng(args.seed)
    data = {name: heads.Features(c, features[name]) for name, c in cohorts.items()}
    train_data, val = data["heads"], data["validation"]
    heads.fit_omics_scale(models, cohorts["heads"])
    heads.fit_grade_tiles(models, train_data, val, TILE_CLASS_OF, rng)
    log("grade tiles done")
    heads.fit_grade_mil(models, train_data, val, rng)
    log("grade attention done")
    for name in TMB_VIEWS:
        heads.fit_tmb(models, name, train_data, val, rng)
        log(f"{name} done")
    heads.fit_origin(models, train_data, val, rng)
    log("origin done")
    out_val = heads.slide_outputs(models, val)
    heads.calibrate(models, out_val, val)
    heads.fit_fusion(models, train_data, val, out_val, rng)
    log(f"temperatures: { {k: round(v, 2) for k, v in models.temperature.items()} }")
    for name in ("validation", "test"):
        print(f"\n{name}\n" + evaluation.report(models, data[name], heads.slide_outputs(models, data[name])))
    write_all(models, args.out, f"Synthetic slides of SlideMesh.Synth ({ENCODER_SLIDES} for the encoder, "
                                f"{len(train_data.grade)} for the heads, {len(val.grade)} for calibration). No real tissue.")
    log("packages written")


if __name__ == "__main__":
    main()
