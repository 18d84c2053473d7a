#!/usr/bin/python3
"""Small checkpoints as PyTorch 1.13 writes them, what it reads from them, and pickles made to do harm.

    /usr/bin/python3 tests/reference/make_checkpoints.py

checkpoints/NAME.pt (zip) and NAME.legacy.pt (the older stream of pickles) hold the same object. expected/checkpoints.json has each tensor's
shape and its values as float32. hostile-*.pt must be refused; none of them is ever loaded by Python here.
"""
import io
import json
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
OUT = HERE / "checkpoints"
sys.path.insert(0, str(HERE))
from heads import attention  # noqa: E402

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def types():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8 - 1
    state = OrderedDict()
    for name, dtype in [("half", torch.float16), ("bfloat16", torch.bfloat16), ("double", torch.float64), ("int8", torch.int8), ("int16", torch.int16),
                        ("int32", torch.int32), ("int64", torch.int64)]:
        state[name] = (base * 8).to(dtype) / (8 if dtype.is_floating_point else 1) if dtype.is_floating_point else (base * 8).to(dtype)
    state["uint8"] = torch.arange(12, dtype=torch.uint8).reshape(3, 4) * 20
    state["bool"] = torch.tensor([True, False, True])
    state["view"] = base[1:3, 2:5]
    state["transposed"] = base.t()
    state["every_second"] = base[:, ::2]
    state["expanded"] = base[0].expand(3, 6)
    state["shared"] = base.view(-1)[6:12]
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    return state


def clam():
    torch.manual_seed(3)
    net = attention.ClamSb(2, True, 5, 12)
    net.attention_net[0] = nn.Linear(12, 7)
    net.attention_net[3] = attention.Gated(7, 5, 1)
    net.classifiers = nn.Linear(7, 2)
    net.instance_classifiers = nn.ModuleList([nn.Linear(7, 2), nn.Linear(7, 2)])
    return net.state_dict()


def parallel(state):
    """As data-parallel training of a part names it, within what a training script saves."""
    renamed = OrderedDict((k.replace("attention_net.", "attention_net.module."), v) for k, v in state.items())
    renamed["instance_loss_fn.labels"] = torch.tensor([0, 1])
    return {"epoch": 3, "state_dict": renamed, "best_acc": 0.75, "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 1e-4, "params": [0, 1]}]}}


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.conv1 = nn.Conv2d(3, 2, 3)
        self.layers = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        self.register_buffer("table", torch.arange(4))

    def forward(self, x):
        return self.layers(x)


def save(name, value):
    torch.save(value, OUT / f"{name}.pt")
    torch.save(value, OUT / f"{name}.legacy.pt", _use_new_zipfile_serialization=False)


def expected(state):
    return {k: {"shape": list(v.shape), "values": v.to(torch.float32).flatten().tolist()} for k, v in state.items()}


class Run:
    def __reduce__(self):
        return os.system, ("touch /tmp/slidemesh-hostile-pickle-ran",)


class Opened:
    def __reduce__(self):
        return open, ("/tmp/slidemesh-hostile-pickle-ran", "w")


class Storage:
    """Pickled as a reference to a storage, with any number of elements."""

    def __init__(self, elements, kind=torch.FloatStorage, key="0"):
        self.id = ("storage", kind, key, "cpu", elements)


class Rebuilt:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, self.arguments


def dumps(value):
    class Pickler(pickle._Pickler):
        def persistent_id(self, obj):
            return obj.id if isinstance(obj, Storage) else None

    out = io.BytesIO()
    Pickler(out, protocol=2).dump(value)
    return out.getvalue()


def hostile(name, value, data=b"\0" * 16):
    with zipfile.ZipFile(OUT / f"hostile-{name}.pt", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), dumps(value))
        archive.writestr(zipfile.ZipInfo("archive/data/0"), data)
        archive.writestr(zipfile.ZipInfo("archive/version"), b"3\n")


def hostile_legacy(name, value, keys=("0",), elements=4, data=b"\0" * 16):
    parts = [pickle.dumps(MAGIC, 2), pickle.dumps(PROTOCOL, 2), pickle.dumps(SYSTEM, 2), dumps(value), pickle.dumps(list(keys), 2)]
    (OUT / f"hostile-{name}.legacy.pt").write_bytes(b"".join(parts) + struct.pack("<q", elements) + data)


def write_hostile():
    hostile("system", OrderedDict(weight=Run()))
    hostile("reduce", {"state_dict": OrderedDict(weight=Opened())})
    hostile("elements", OrderedDict(weight=Rebuilt(Storage(2 ** 40), 0, (2 ** 40,), (1,))))
    hostile("repeated", OrderedDict(weight=Rebuilt(Storage(4), 0, (2 ** 20, 2 ** 20), (0, 0))))
    hostile("overflow", OrderedDict(weight=Rebuilt(Storage(4), 0, (2 ** 40, 2 ** 40), (2 ** 40, 1))))
    hostile("outside", OrderedDict(weight=Rebuilt(Storage(4), 2, (3,), (1,))))
    hostile("negative", OrderedDict(weight=Rebuilt(Storage(4), 3, (2,), (-1,))))
    hostile("missing", OrderedDict(weight=Rebuilt(Storage(4, key="7"), 0, (4,), (1,))))
    hostile("path", OrderedDict(weight=Rebuilt(Storage(4, key="../../etc/passwd"), 0, (4,), (1,))))
    hostile("object", OrderedDict(weight=nn.Linear(1, 1)))
    hostile_legacy("system", OrderedDict(weight=Run()))
    hostile_legacy("elements", OrderedDict(weight=Rebuilt(Storage(2 ** 40), 0, (2 ** 40,), (1,))), elements=2 ** 40)
    hostile_legacy("outside", OrderedDict(weight=Rebuilt(Storage(4), 2, (3,), (1,))))
    hostile_legacy("storage", OrderedDict(weight=Rebuilt(Storage(400), 0, (4,), (1,))))


if __name__ == "__main__":
    assert torch.__version__.startswith("1.13"), torch.__version__
    OUT.mkdir(exist_ok=True)
    save("types", types())
    save("clam", clam())
    save("clam-training", parallel(clam()))
    save("clam-model", {"model": clam()})
    script = torch.jit.script(Scripted())
    torch.jit.save(script, str(OUT / "scripted.pt"))
    write_hostile()
    known = {"types": expected(types()), "clam": expected(clam()), "scripted": expected(Scripted().state_dict())}
    (HERE / "expected" / "checkpoints.json").write_text(json.dumps(known) + "\n")
