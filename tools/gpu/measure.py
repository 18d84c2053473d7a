#!/usr/bin/python3
"""The measurements of run.sh, on the machine with the GPU. Prints tables in Markdown; times are wall-clock.

    measure.py BUNDLE [--small DEVICE]

The same modules (make_encoders.py, random weights) run in three ways: by PyTorch itself, as an ONNX file that SlideMesh writes out as
TorchScript, and as the TorchScript file that torch.jit.trace makes. PyTorch's own rate is that of the module in evaluation mode and
inference mode, in the same precision and batch, its input in the device's memory already.
"""
import argparse
import copy
import ctypes
import hashlib
import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

arguments = argparse.ArgumentParser()
arguments.add_argument("bundle", type=Path)
arguments.add_argument("--small", metavar="DEVICE", help="small sizes, for a dry run")
arguments.add_argument("--pipeline", nargs=5, metavar=("MODEL", "PRECISION", "OUT", "BATCH", "TILES"), help="only the Python pipeline: prints its rate")
given = arguments.parse_args()
BUNDLE, SMALL = given.bundle, given.small
DEVICE = SMALL or "cuda"
sys.path.insert(0, str(BUNDLE))
from make_encoders import MEAN, STD, ResNet50, VitB16  # noqa: E402

WORK = BUNDLE / "work"
PRECISIONS = ["fp32", "bf16"] if SMALL else ["fp16", "bf16"]
BATCHES = [2, 4] if SMALL else [64, 256]
# The whole must fit one run of ten minutes, with the build before it: what comes after this is left out, and said so.
LONGEST = 600 if SMALL else 480
# A rate from slides is that of at least so long; progress comes every second.
SHORTEST = 4
MODELS = {"resnet50": (ResNet50, 2048)}
if SMALL:
    MODELS["vit-small"] = (lambda: VitB16(96, 2, 3), 96)
else:
    MODELS["vit-l16"] = (lambda: VitB16(1024, 24, 16), 1024)
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
BEGIN = time.time()


def say(text):
    print(f"[{time.time() - BEGIN:5.0f} s] {text}", file=sys.stderr)


def in_time(what):
    if time.time() - BEGIN < LONGEST:
        return True
    print(f"\n{what}: left out, {LONGEST} s are over.", flush=True)
    return False


def environment():
    """With the bundle's libraries, which this process does not see: they are not PyTorch's."""
    return dict(os.environ, LD_LIBRARY_PATH=os.environ["SLIDEMESH_LIBRARIES"] + ":" + os.environ.get("LD_LIBRARY_PATH", ""))


def slidemesh(*arguments, wait=True):
    command = os.environ["SLIDEMESH_PROGRAM"].split() + [str(a) for a in arguments]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not wait:
        return process
    out, error = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"slidemesh {' '.join(map(str, arguments))}\n{out}{error}")
    return out


def engine(precision, device=None):
    return ["--engine", "libtorch", "--device", device or DEVICE, "--precision", precision]


def package(name, module, width, script):
    """A package with the module as ONNX, and as TorchScript beside it when script is true."""
    folder = WORK / (name + ("-script" if script else ""))
    folder.mkdir(parents=True)
    sample = torch.zeros(2, 3, 224, 224)
    options = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    with torch.no_grad():
        torch.onnx.export(module, sample, str(folder / "tile.onnx"), opset_version=17 if options else 13, input_names=["pixels"], output_names=["features"],
                          dynamic_axes={"pixels": {0: "n"}, "features": {0: "n"}}, **options)
        if script:
            torch.jit.trace(module, sample).save(str(folder / "tile.pt"))
    files = [{"path": f.name, "sha256": hashlib.sha256(f.read_bytes()).hexdigest(), "bytes": f.stat().st_size} for f in sorted(folder.iterdir())]
    graph = {"file": "tile.onnx", "inputs": [{"name": "pixels", "shape": [-1, 3, 224, 224]}], "outputs": [{"name": "features", "shape": [-1, width]}]}
    if script:
        graph["torchscript"] = "tile.pt"
    (folder / "model.json").write_text(json.dumps({
        "format": "slidemesh-model/1", "name": folder.name, "version": "1.0.0", "kind": "encoder", "tile": {"sizePx": 224, "micronsPerPixel": 0.5},
        "normalisation": {"mean": MEAN, "std": STD}, "graphs": {"tile": graph}, "files": files}))
    return folder


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    sys.stdout.flush()


def features(folder, precision, device):
    file = WORK / "reference.json"
    slidemesh("model", "verify", folder, "--write-reference", file, *engine(precision, device))
    outputs = json.loads(file.read_text())["outputs"]
    return np.concatenate([np.asarray(v, np.float64) for v in outputs.values()])


def correctness(folders):
    rows = []
    for folder in folders:
        expected = features(folder, "fp32", "cpu")
        for precision in dict.fromkeys(["fp32"] + PRECISIONS):
            found = features(folder, precision, DEVICE)
            cosine = float(expected @ found / np.linalg.norm(expected) / np.linalg.norm(found))
            rows.append([folder.name, precision, f"{cosine:.6f}", f"{np.abs(expected - found).max() / np.abs(expected).max():.1e}", "yes" if cosine >= 0.9999 else "NO"])
    table(f"Features on {DEVICE} against the CPU in fp32", ["model", "precision", "cosine", "largest difference / largest feature", "cosine ≥ 0.9999"], rows)


def synchronise():
    if DEVICE != "cpu":
        torch.cuda.synchronize()


def own_rate(module, precision, batch):
    x = torch.randn(batch, 3, 224, 224, device=DEVICE, dtype=DTYPES[precision])
    with torch.inference_mode():
        for _ in range(1 if SMALL else 5):
            module(x)
        synchronise()
        runs, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < (1 if SMALL else 2):
            for _ in range(1 if SMALL else 5):
                module(x)
                runs += 1
            synchronise()
        return runs * batch / (time.perf_counter() - begin)


def bench(folder, precision, batches):
    """Batch → row of the command's table."""
    lines = slidemesh("model", "bench", folder, "--batch", *batches, *engine(precision)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("-----"))
    head = [cell.strip() for cell in lines[start - 1].split("  ") if cell.strip()]
    rows = [dict(zip(head, [cell.strip() for cell in line.split("  ") if cell.strip()])) for line in lines[start + 1:] if line.strip()]
    return {int(row["batch"]): row for row in rows}


def speed(modules):
    rows, best = [], {}
    for name, module in modules.items():
        for precision in PRECISIONS:
            say(f"speed of {name} in {precision}")
            on_device = copy.deepcopy(module).to(DEVICE, DTYPES[precision])
            own = {batch: own_rate(on_device, precision, batch) for batch in BATCHES}
            del on_device
            if DEVICE != "cpu":
                torch.cuda.empty_cache()
            for form in ("", "-script"):
                if not in_time(f"{name}{form} in {precision}"):
                    continue
                for batch, row in bench(WORK / (name + form), precision, BATCHES[-1:] if form else BATCHES).items():
                    ours = float(row["tiles/s"])
                    rows.append([name, "TorchScript" if form else "ONNX", precision, batch, f"{own[batch]:.0f}", f"{ours:.0f}", f"{ours / own[batch]:.2f}",
                                 row["device busy"], row["ms copy in"], row["ms compute"], row["ms copy out"], row["memory, MiB"]])
                    best[name, precision] = max(best.get((name, precision), 0), own[batch])
    table("Fed from memory: SlideMesh / PyTorch's own rate must be ≥ 0.95, the device busy ≥ 90 %",
          ["model", "file", "precision", "batch", "PyTorch tiles/s", "SlideMesh tiles/s", "ratio", "device busy", "ms copy in", "ms compute", "ms copy out", "memory, MiB"], rows)
    return best


def run(folders, precision, out, *more, slides="slides"):
    """Tiles a second from the first to the last tile, None when that took less than SHORTEST seconds; the device's busy share then; and notes."""
    more = (*more, "--shard-tiles", 32) if SMALL else more
    process = slidemesh("embed", BUNDLE / slides, "--out", WORK / out, "--json", *sum((["--encoder", f] for f in folders), []), *engine(precision), *more, wait=False)
    points, notes = [], []
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "progress":
            points.append((time.perf_counter(), event["tilesDone"], event["tilesPlanned"], event.get("deviceBusyShare")))
        elif event["event"] == "note":
            notes.append(event["note"])
    error = process.stderr.read()
    if process.wait() != 0:
        raise SystemExit(f"embed ended with {process.returncode}\n{error}")
    running = [p for p in points if p[1] > 0]
    # Slides are planned one after the other: what the first one had planned is not all.
    last = next((p for p in running if p[1] >= running[-1][2]), running[-1] if running else None)
    if not running or last[0] - running[0][0] < SHORTEST:
        return None, None, notes
    rate = (last[1] - running[0][1]) / (last[0] - running[0][0])
    busy = [p[3] for p in running if p[0] <= last[0] and p[3] is not None]
    return rate, float(np.median(busy)) if busy else None, notes


def long_run(folders, precision, out):
    """As run; when that is too short for a rate, again on slides of sixteen times the area. The last one's folder of results comes first."""
    memory = ["--batch-memory", 512 if SMALL else 4096]
    rate, busy, notes = run(folders, precision, out, *memory)
    if rate is None and (BUNDLE / "slides-long").is_dir():
        out += "-long"
        rate, busy, notes = run(folders, precision, out, *memory, slides="slides-long")
    return out, rate, busy, notes


def decode_rate(out):
    """Tiles a second that this machine's cores can read, from the decoders' own clocks."""
    seconds, tiles = 0.0, 0
    for line in (WORK / out / "timings.csv").read_text().splitlines()[1:]:
        slide, stage, stream, spent, count = line.split(",")[:5]
        if stage in ("read", "quality", "normalise"):
            seconds += float(spent)
            tiles += int(count or 0) if stage == "read" else 0
    return tiles / seconds * os.cpu_count() if seconds > 0 else 0.0


class Slide:
    """The three functions of OpenSlide that the Python pipeline needs, of the bundle's own library."""

    def __init__(self, path):
        self.library = ctypes.CDLL("libopenslide.so.0")
        self.library.openslide_open.restype = ctypes.c_void_p
        self.library.openslide_read_region.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32, ctypes.c_int64, ctypes.c_int64]
        self.slide = self.library.openslide_open(str(path).encode())

    def read(self, x, y, size):
        pixels = np.empty((size, size, 4), np.uint8)
        self.library.openslide_read_region(self.slide, pixels.ctypes.data, int(x), int(y), 0, size, size)
        return np.ascontiguousarray(pixels[:, :, 2::-1])


class Tiles(torch.utils.data.Dataset):
    def __init__(self, places):
        self.places, self.slides = places, {}

    def __len__(self):
        return len(self.places)

    def __getitem__(self, i):
        path, x, y = self.places[i]
        if path not in self.slides:
            self.slides[path] = Slide(path)
        pixels = torch.from_numpy(self.slides[path].read(x, y, 224)).permute(2, 0, 1).float().div_(255)
        return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def python_pipeline(module, precision, out, batch, most):
    import h5py

    places = []
    for file in sorted((WORK / out).rglob("*.h5")):
        with h5py.File(file) as h5:
            if "features" in h5:
                slide = next(BUNDLE.glob(f"slides*/{file.stem.split('.')[0]}.tiff"))
                places += [(str(slide), int(x), int(y)) for x, y in h5["coords"][:most]]
    loader = torch.utils.data.DataLoader(Tiles(places), batch_size=batch, num_workers=0 if SMALL else os.cpu_count(), pin_memory=DEVICE != "cpu")
    on_device = copy.deepcopy(module).to(DEVICE, DTYPES[precision])
    with torch.inference_mode():
        begin, done, started = time.perf_counter(), 0, None
        for x in loader:
            on_device(x.to(DEVICE, non_blocking=True).to(DTYPES[precision])).float().cpu()
            # The workers' start is not the pipeline's rate.
            if started is None:
                started = time.perf_counter()
            else:
                done += len(x)
        return done / (time.perf_counter() - started) if done else len(places) / (time.perf_counter() - begin)


def python_rate(name, precision, out, batch, most):
    """In a process of its own, with the bundle's OpenSlide."""
    command = [sys.executable, __file__, str(BUNDLE)] + (["--small", SMALL] if SMALL else []) + ["--pipeline", name, precision, out, str(batch), str(most)]
    return float(subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def from_slides(modules, own):
    rows = []
    for name in modules:
        precision = PRECISIONS[0]
        if not in_time(f"{name} from slides") or (name, precision) not in own:
            continue
        say(f"{name} from slides")
        out, rate, busy, _ = long_run([WORK / name], precision, "out-" + name)
        decodable = decode_rate(out)
        python = python_rate(name, precision, out, BATCHES[-1], 50 if SMALL else 8000)
        bound = min(own[name, precision], decodable)
        rows.append([name, precision, f"{own[name, precision]:.0f}", f"{decodable:.0f}", f"{rate:.0f}" if rate else "too short", f"{rate / bound:.2f}" if rate else "-",
                     f"{busy:.0%}" if busy else "-", f"{python:.0f}", f"{rate / python:.1f}" if rate else "-"])
    table("Fed from slides: the rate must be ≥ 0.90 of the smaller of PyTorch's own rate and what the cores can read",
          ["model", "precision", "PyTorch tiles/s", "cores can read", "SlideMesh tiles/s", "of the smaller", "device busy", "Python pipeline tiles/s", "SlideMesh / Python"], rows)


def two_at_once():
    say("two models at once")
    precision = PRECISIONS[0]
    _, rate, busy, notes = long_run([WORK / name for name in MODELS], precision, "out-both")
    table("Two models at once", ["models", "tiles/s together", "device busy", "notes"],
          [[" + ".join(MODELS), f"{rate:.0f}" if rate else "too short", f"{busy:.0%}" if busy else "-", "; ".join(notes) or "none"]])


def without_memory():
    say("a device without memory")
    name = list(MODELS)[-1]
    held = None
    if DEVICE != "cpu":
        free, _ = torch.cuda.mem_get_info()
        # Enough for the weights and a small batch.
        held = torch.empty(max(0, free - (4 << 30)), dtype=torch.uint8, device="cuda")
    _, _, notes = run([WORK / name], PRECISIONS[0], "out-full", "--batch-size", 8 if SMALL else 1024, "--batch-memory", 512 if SMALL else 8192)
    del held
    if DEVICE != "cpu":
        torch.cuda.empty_cache()
    halved = [note for note in notes if "no memory" in note]
    table("A device without memory: 4 GiB left, batches of 1,024 asked for" if DEVICE != "cpu" else "A device without memory: the same steps; a CPU has it",
          ["model", "ended well", "notes of halved batches", "first note"], [[name, "yes", len(halved), halved[0] if halved else "none: it fitted"]])


def main():
    print(f"## libtorch engine on {torch.cuda.get_device_name() if DEVICE != 'cpu' else 'the CPU (dry run: no figure counts)'}\n")
    print(f"PyTorch {torch.__version__}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n\n```\n{slidemesh('doctor')}```")
    torch.manual_seed(21)
    modules, folders = {}, []
    for name, (make, width) in MODELS.items():
        say(f"exporting {name}")
        modules[name] = make().eval()
        folders += [package(name, modules[name], width, script) for script in (False, True)]
    correctness(folders)
    own = speed(modules)
    from_slides(modules, own)
    if in_time("Two models at once"):
        two_at_once()
    if in_time("A device without memory"):
        without_memory()
    say("done")


if __name__ == "__main__":
    WORK.mkdir(exist_ok=True)
    if given.pipeline:
        model, numbers, results, size, most = given.pipeline
        print(python_pipeline(MODELS[model][0]().eval(), numbers, results, int(size), int(most)))
    else:
        main()
