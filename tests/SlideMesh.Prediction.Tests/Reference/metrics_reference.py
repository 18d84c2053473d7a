#!/usr/bin/python3
"""Writes metrics_reference.json: cohort metrics by their definitions, as directly as they can be written.

    /usr/bin/python3 tests/SlideMesh.Prediction.Tests/Reference/metrics_reference.py

AUROC counts pairs, average precision walks every threshold, kappa builds both matrices, the bootstrap draws with SplitMix64.
Probabilities are multiples of 1/20 so that there are many ties. Nothing but the standard library and fractions.
"""
import json
import random
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES, CLASSES = 60, 4


def auroc(truth, scores):
    pos = [s for t, s in zip(truth, scores) if t]
    neg = [s for t, s in zip(truth, scores) if not t]
    if not pos or not neg:
        return None
    wins = sum(Fraction(1) if p > n else Fraction(1, 2) if p == n else Fraction(0) for p in pos for n in neg)
    return wins / (len(pos) * len(neg))


def average_precision(truth, scores):
    total, area, recall_before = sum(truth), Fraction(0), Fraction(0)
    for threshold in sorted(set(scores), reverse=True):
        called = [t for t, s in zip(truth, scores) if s >= threshold]
        recall = Fraction(sum(called), total)
        area += (recall - recall_before) * Fraction(sum(called), len(called))
        recall_before = recall
    return area


def kappa(a, b, k):
    n = len(a)
    observed = [[sum(1 for x, y in zip(a, b) if x == i and y == j) for j in range(k)] for i in range(k)]
    row = [sum(observed[i]) for i in range(k)]
    col = [sum(observed[i][j] for i in range(k)) for j in range(k)]
    w = [[Fraction((i - j) ** 2, (k - 1) ** 2) for j in range(k)] for i in range(k)]
    top = sum(w[i][j] * observed[i][j] for i in range(k) for j in range(k))
    bottom = sum(w[i][j] * Fraction(row[i] * col[j], n) for i in range(k) for j in range(k))
    return 1 - top / bottom


def first_max(p):
    return p.index(max(p))


def ece(truth, probabilities, bins):
    total = Fraction(0)
    for b in range(bins):
        low, high = Fraction(b, bins), Fraction(b + 1, bins)
        inside = [(t, p) for t, p in zip(truth, probabilities) if low < max(p) <= high]
        if inside:
            right = Fraction(sum(1 for t, p in inside if first_max(p) == t), len(inside))
            confidence = sum(max(p) for _, p in inside) / len(inside)
            total += Fraction(len(inside), len(truth)) * abs(right - confidence)
    return total


def top_k(truth, probabilities, k):
    right = 0
    for t, p in zip(truth, probabilities):
        order = sorted(range(len(p)), key=lambda c: (-p[c], c))
        right += t in order[:k]
    return Fraction(right, len(truth))


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = 2 ** 64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)


def quantile(values, q):
    values = sorted(values)
    position = q * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (position - low) * (values[high] - values[low])


def bootstrap(truth, scores, draws, seed):
    generator = SplitMix64(seed)
    groups = [[i for i, t in enumerate(truth) if t == c] for c in sorted(set(truth))]
    values = []
    for _ in range(draws):
        drawn = [g[generator.next() % len(g)] for g in groups for _ in g]
        values.append(float(auroc([truth[i] for i in drawn], [scores[i] for i in drawn])))
    return [quantile(values, 0.025), quantile(values, 0.975)]


def main():
    random.seed(3)
    truth, probabilities = [], []
    for _ in range(CASES):
        t = random.randrange(CLASSES)
        counts = [0] * CLASSES
        for _ in range(20):
            counts[t if random.random() < 0.12 else random.randrange(CLASSES)] += 1
        truth.append(t)
        probabilities.append([Fraction(c, 20) for c in counts])
    predicted = [first_max(p) for p in probabilities]
    is_last = [t == CLASSES - 1 for t in truth]
    scores = [p[-1] for p in probabilities]
    areas = [auroc([t == c for t in truth], [p[c] for p in probabilities]) for c in range(CLASSES)]
    answer = {
        "truth": truth,
        "probabilities": [[float(x) for x in p] for p in probabilities],
        "kappa": float(kappa(truth, predicted, CLASSES)),
        "accuracy": float(Fraction(sum(a == b for a, b in zip(truth, predicted)), CASES)),
        "top2": float(top_k(truth, probabilities, 2)),
        "aurocLast": float(auroc(is_last, scores)),
        "macroAuroc": float(sum(areas) / CLASSES),
        "averagePrecisionLast": float(average_precision(is_last, scores)),
        "brier": float(sum(sum((p[c] - (t == c)) ** 2 for c in range(CLASSES)) for t, p in zip(truth, probabilities)) / CASES),
        "ece15": float(ece(truth, probabilities, 15)),
        "ece7": float(ece(truth, probabilities, 7)),
        "bootstrapAurocLast": bootstrap(is_last, scores, 200, 7),
    }
    (HERE / "metrics_reference.json").write_text(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
