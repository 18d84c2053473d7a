"""Reads the slide heads back from their packages, so that the fusion can be fitted to them as they are."""
import json

import onnx
import torch
from onnx import numpy_helper

from .write_packages import TMB_VIEWS

SOFTPLUS_OF_ONE = 0.5413


def read_heads(models, root):
    """Fills the slide heads, temperatures and weights of ``models`` from the packages under ``root``."""
    parts = {"demo-grade-tiles": (("tile", models.grade_tile), ("summary", models.grade_summary)),
             "demo-grade-mil": (("instance", models.grade_mil), ("bag", models.grade_bag)),
             "demo-origin": (("instance", models.origin), ("bag", models.origin_bag)),
             **{name: (("tile", models.tmb[name][0]), ("summary", models.tmb[name][1])) for name in TMB_VIEWS}}
    for name, graphs in parts.items():
        for role, module in graphs:
            module.load_state_dict(weights(root / name / f"{role}.onnx"))
            module.eval()
        for output in json.loads((root / name / "model.json").read_text(encoding="utf-8"))["outputs"]:
            key = f"{name}/{output['task']}" if name == "demo-origin" else name
            if output["type"] != "regression":
                models.temperature[key] = output["temperature"]
                if name in TMB_VIEWS:
                    models.weight[name] = output["weight"]


def weights(path):
    """The state of the module that :meth:`packages.Package.graph` exported. The exporter keeps names; only the ordinal head's
    thresholds and score come back under names of its own, with a sum and a transpose already done."""
    state = {}
    for tensor in onnx.load(str(path)).graph.initializer:
        value = torch.tensor(numpy_helper.to_array(tensor))
        if "Softplus" in tensor.name:
            state["ordinal.steps"] = value - SOFTPLUS_OF_ONE
        elif "MatMul" in tensor.name:
            state["ordinal.score.weight"] = value.t()
        else:
            state[tensor.name] = value
    return state
