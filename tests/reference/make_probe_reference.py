#!/usr/bin/python3
"""What PyTorch (1.13, CPU) gives for the fixed bag of `model verify`, as its --against takes it, for heads that pool in each manner.

    /usr/bin/python3 tests/reference/make_probe_reference.py

expected/probes/NAME.json. Weights as in make_import_reference.py; features [15, D]: x[i] as in make_wsinfer_reference.py.
"""
import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from make_import_reference import CASES, fill, numbers  # noqa: E402
from make_wsinfer_reference import probe  # noqa: E402

# The features' mean without an instance graph; sum, maximum, top tile and attention behind one.
NAMES = ["mean-pool", "deepsets-survival", "max-mil", "clam-mil", "ab-mil-gated"]
TILES = 15


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert torch.__version__.startswith("1.13"), torch.__version__
    (HERE / "expected" / "probes").mkdir(exist_ok=True)
    with torch.no_grad():
        for case in (c for c in CASES if c.name in NAMES):
            fill(case.net)
            case.net.eval()
            logits, *_ = case.net(probe(TILES, case.width))
            reference = {"tolerance": 1e-5, "outputs": {"bag/logits": numbers(logits)}}
            (HERE / "expected" / "probes" / f"{case.name}.json").write_text(json.dumps(reference) + "\n")
            print(case.name, reference["outputs"])
