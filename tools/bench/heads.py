#!/usr/bin/python3
"""Heads in PyTorch eager mode, and their checkpoints for the other side. Used by heads.sh.

    heads.py save FOLDER                      FOLDER/NAME.pt for every head, and FOLDER/NAME.csv with the omics features of those that take them
    heads.py time NAME TILES THREADS          seconds a bag, median of at least 3 runs and 2 seconds; CPU seconds a bag, their mean
"""
import statistics
import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "reference"))
from make_import_reference import CASES, fill  # noqa: E402

NAMES = ["clam-sb-small", "clam-mb", "clam-mil", "toad", "ab-mil", "ab-mil-gated", "ab-mil-owkin", "mean-pool", "mean-mil", "max-mil", "dsmil", "transmil",
         "chowder", "he2rna", "mil-rnn", "porpoise-amil", "amil-survival", "deepsets-survival", "porpoise-mmf", "mcat"]


def case(name):
    return next(c for c in CASES if c.name == name)


def save(folder):
    for name in NAMES:
        one = case(name)
        fill(one.net)
        torch.save(one.net.state_dict(), Path(folder) / f"{name}.pt")
        if one.omics:
            (Path(folder) / f"{name}.csv").write_text("name,mean,std\n" + "".join(f"GENE{g},0,1\n" for g in range(one.omics)))
        print(name, one.arch, *(f"{k}={v}" for k, v in one.settings.items()))


def timed(name, tiles):
    one = case(name)
    fill(one.net)
    one.net.eval()
    torch.manual_seed(1)
    features = torch.rand(tiles, one.width)
    extra = [one.sex] if one.sex is not None else []
    if one.omics:
        extra.append(torch.rand(1, one.omics))
    seconds = []
    with torch.no_grad():
        one.net(features, *extra)
        cpu = time.process_time()
        while len(seconds) < 3 or sum(seconds) < 2:
            begin = time.perf_counter()
            one.net(features, *extra)
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds), (time.process_time() - cpu) / len(seconds)


if __name__ == "__main__":
    if sys.argv[1] == "save":
        save(sys.argv[2])
    else:
        torch.set_num_threads(int(sys.argv[4]))
        print("{:.4f} {:.4f}".format(*timed(sys.argv[2], int(sys.argv[3]))))
