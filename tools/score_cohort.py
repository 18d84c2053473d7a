#!/usr/bin/python3
"""Scores a run's predictions against a cohort's truth.

    /usr/bin/python3 tools/score_cohort.py RESULTS_DIR COHORT_CSV

RESULTS_DIR/slides.csv has the columns slide_id, grade, grade_slide_only, tmb_high_probability,
tmb_high_probability_slide_only, origin, origin_slide_only; an empty *_slide_only means that the answer is the slide's own.
COHORT_CSV has slide_id, grade, tmb_high, origin. Prints a markdown table with 95 % bootstrap intervals over slides.
"""
import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from demo_training.metrics import accuracy, auc, bootstrap, quadratic_kappa  # noqa: E402

TASKS = [
    ("grade", "quadratic kappa", quadratic_kappa, "grade", "grade", lambda t: int(float(t))),
    ("TMB-high", "AUC", auc, "tmb_high", "tmb_high_probability", float),
    ("origin", "top-1 accuracy", accuracy, "origin", "origin", str),
]


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["slide_id"]: row for row in csv.DictReader(file)}


def read_rows(results, cohort):
    """One dictionary a slide that has an answer: the truth under ``truth_*``, the answers under their own names."""
    answers, truths = table(Path(results) / "slides.csv"), table(cohort)
    unknown = sorted(set(answers) - set(truths))
    if unknown:
        sys.exit(f"{cohort}: no truth for {len(unknown)} slide(s) of the run, the first is {unknown[0]}")
    rows = [{**answer, **{f"truth_{k}": v for k, v in truths[slide].items()}} for slide, answer in answers.items()]
    return rows, len(truths)


def truth_value(text):
    return {"true": 1.0, "false": 0.0}.get(text.lower(), text)


def score(rows):
    """[(task, metric, slide alone, fused, n)] with (value, low, high) for both."""
    scored = []
    for task, name, metric, truth, column, convert in TASKS:
        used = [r for r in rows if r.get(column, "") != "" and r[f"truth_{truth}"] != ""]
        if not used:
            continue
        true = [convert(truth_value(r[f"truth_{truth}"])) for r in used]
        final = [convert(r[column]) for r in used]
        alone = [convert(r.get(f"{column}_slide_only") or r[column]) for r in used]
        slide, fused = bootstrap(metric, true, alone, final)
        scored.append((task, name, slide, fused, len(used)))
    return scored


def markdown(scored):
    lines = ["| task | metric | slide alone | fused | n |", "| --- | --- | --- | --- | --- |"]
    show = lambda v: f"{v[0]:.3f} ({v[1]:.3f} to {v[2]:.3f})"
    lines += [f"| {task} | {name} | {show(slide)} | {show(fused)} | {n} |" for task, name, slide, fused, n in scored]
    return "\n".join(lines)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows, total = read_rows(sys.argv[1], sys.argv[2])
    print(markdown(score(rows)))
    if len(rows) < total:
        print(f"\n{total - len(rows)} of {total} slides have no answer.")


if __name__ == "__main__":
    main()
