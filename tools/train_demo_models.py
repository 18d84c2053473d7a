#!/usr/bin/python3
"""Trains the demonstration model packages on synthetic slides and writes them.

The committed packages come from these commands (seeds fixed; the cohorts are made by tools/SlideMesh.Synth):

    slidemesh-synth cohort --out COHORTS/encoder --slides 200 --seed 101
    slidemesh-synth cohort --out COHORTS/heads --slides 160 --seed 505
    slidemesh-synth cohort --out COHORTS/validation --slides 100 --seed 202
    slidemesh-synth cohort --out COHORTS/test --slides 80 --seed 404
    slidemesh-synth cohort --out COHORTS/omics --slides 20000 --seed 606 --tables-only
    /usr/bin/python3 tools/train_demo_models.py --cohorts COHORTS --out tools/demo-models --seed 20

About 30 minutes on two cores. MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592 in the environment spare glibc
the remapping of large temporaries, which otherwise takes most of the time of the heads.

The encoder learns on slides of its own, so that the heads see features as they are on new slides. Validation slides stop the
training early and calibrate temperatures. The fusion's omics net learns on tables alone; how much it counts beside the slide
(seven numbers) is fitted on validation slides, which only stopped the heads' training. Test slides are only scored. --keep-encoder and
--keep-heads refit the fusion alone, to the slide packages in OUT as they are.

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
from demo_training import encoder_training, evaluation, fusion_training as fusion, head_training as heads  # noqa: E402
from demo_training.cohort import Cohort, Tables  # noqa: E402
from demo_training.nets import Encoder  # noqa: E402
from demo_training.read_packages import read_heads  # noqa: E402
from demo_training.write_packages import Models, write_fusion, write_heads  # noqa: E402

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
    parser.add_argument("--cohorts", type=Path, help="folder with encoder, heads, validation, test and omics")
    parser.add_argument("--cache", type=Path, help="where tiles and features are kept; default: COHORTS/cache")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder-steps", type=int, default=4500)
    parser.add_argument("--keep-encoder", action="store_true", help="use the encoder and features of the last run in the cache")
    parser.add_argument("--keep-heads", action="store_true", help="leave the slide packages in OUT as they are; fit the fusion to them")
    parser.add_argument("--no-test", action="store_true", help="do not score the test slides: for choosing settings")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    if args.untrained:
        models = Models([f"GENE{i:03d}" for i in range(1, 201)])
        write_heads(models, args.out, "Nothing: random weights.")
        write_fusion(models, args.out, "Nothing: random weights.")
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

    data = {name: heads.Features(c, features[name]) for name, c in cohorts.items()}
    val = data["validation"]
    slides = f"{ENCODER_SLIDES} for the encoder, {len(data['heads'].grade)} for the heads, {len(val.grade)} for calibration"
    if args.keep_heads:
        read_heads(models, args.out)
    else:
        heads.fit_all(models, data["heads"], val, TILE_CLASS_OF, np.random.default_rng(args.seed), log)
        write_heads(models, args.out, f"Synthetic slides of SlideMesh.Synth ({slides}). No real tissue.")
    log(f"temperatures: { {k: round(v, 2) for k, v in models.temperature.items()} }")

    tables = Tables(args.cohorts / "omics")
    torch.manual_seed(args.seed + 2)
    log("omics alone, on cases of their own: " + fusion.fit_omics(models, tables, np.random.default_rng(args.seed + 2)))
    fusion.take_over(models.fusion, models)
    cases = fusion.answers(models, val)
    fusion.fit_gates(models.fusion, cases)
    log(fusion.summary(models.fusion, cases))
    for name in ("validation", "test")[:1 if args.no_test else 2]:
        print(f"\n{name}\n" + evaluation.report(models, data[name], heads.slide_outputs(models, data[name])))
    write_fusion(models, args.out, f"Synthetic slides of SlideMesh.Synth ({slides}) and synthetic expression of {len(tables.slides)} "
                                   "cases without slides. No real tissue.")
    log("packages written")


if __name__ == "__main__":
    main()
