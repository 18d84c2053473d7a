#!/usr/bin/python3
"""Writes the demonstration model packages.

    /usr/bin/python3 tools/train_demo_models.py --untrained --out tools/demo-models
"""
import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from demo_training.write_packages import Models, write_all  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder that receives one folder per package")
    parser.add_argument("--untrained", action="store_true", help="random weights: right shapes, useless answers")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    if args.untrained:
        genes = [f"GENE{i:03d}" for i in range(1, 201)]
        write_all(Models(genes), args.out, "Nothing: random weights.")


if __name__ == "__main__":
    main()
