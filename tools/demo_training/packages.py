"""Writes model packages: ONNX graphs and model.json (format in docs/model-packages.md)."""
import hashlib
import json
import re
import shutil
from pathlib import Path

import torch

OPSET = 13


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def short_lists(text):
    """Lists of plain values on one line each."""
    return re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s*\n\s*", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)


class Package:
    """One package folder under construction. The folder is replaced as a whole."""

    def __init__(self, root, name, kind, **fields):
        self.folder = Path(root) / name
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        self.manifest = {"format": "slidemesh-model/1", "name": name, "version": "1.0.0", "kind": kind, **fields, "graphs": {}}

    def graph(self, role, module, inputs, outputs):
        """Exports ``module`` as ``role``.onnx. ``inputs`` and ``outputs`` map tensor names to shapes, -1 is free."""
        module = module.eval()
        examples = tuple(torch.zeros([3 if d < 0 else d for d in shape]) for shape in inputs.values())
        named = {**inputs, **outputs}
        dynamic = {n: {i: "n" for i, d in enumerate(shape) if d < 0} for n, shape in named.items()}
        with torch.no_grad():
            torch.onnx.export(
                module, examples, str(self.folder / f"{role}.onnx"), opset_version=OPSET, do_constant_folding=True,
                input_names=list(inputs), output_names=list(outputs), dynamic_axes={n: d for n, d in dynamic.items() if d})
        tensors = lambda part: [{"name": n, "shape": list(shape)} for n, shape in part.items()]
        self.manifest["graphs"][role] = {"file": f"{role}.onnx", "inputs": tensors(inputs), "outputs": tensors(outputs)}

    def omics(self, file, names, mean, std):
        rows = [f"{n},{m:.6g},{s:.6g}" for n, m, s in zip(names, mean, std)]
        (self.folder / file).write_text("name,mean,std\n" + "\n".join(rows) + "\n")

    def write(self, **fields):
        """Adds the fields and the list of files, and writes model.json."""
        self.manifest.update(fields)
        self.manifest["files"] = [
            {"path": p.name, "sha256": sha256(p), "bytes": p.stat().st_size} for p in sorted(self.folder.iterdir())]
        text = short_lists(json.dumps(self.manifest, indent=2, ensure_ascii=False))
        (self.folder / "model.json").write_text(text + "\n", encoding="utf-8")
        return self.folder
