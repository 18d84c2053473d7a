"""Metrics of the three tasks, numpy only."""
import numpy as np


def quadratic_kappa(truth, answer, classes=6):
    """Cohen's kappa with quadratic weights; nan when both are constant."""
    observed = np.zeros((classes, classes))
    np.add.at(observed, (np.asarray(truth, int), np.asarray(answer, int)), 1)
    expected = np.outer(observed.sum(1), observed.sum(0)) / observed.sum()
    i, j = np.mgrid[0:classes, 0:classes]
    weight = (i - j) ** 2
    return 1 - (weight * observed).sum() / (weight * expected).sum() if (weight * expected).sum() else float("nan")


def auc(truth, score):
    """Area under the ROC curve, ties counted half; nan when only one class is there."""
    truth, score = np.asarray(truth, bool), np.asarray(score, float)
    positive, negative = score[truth], score[~truth]
    if len(positive) == 0 or len(negative) == 0:
        return float("nan")
    difference = positive[:, None] - negative[None, :]
    return (difference > 0).mean() + 0.5 * (difference == 0).mean()


def accuracy(truth, answer):
    return float(np.mean(np.asarray(truth) == np.asarray(answer)))


def bootstrap(metric, truth, *answers, rounds=2000, seed=1):
    """For each answer: (value, low, high), the 95 % percentile interval over resampled slides; one set of resamples for all."""
    truth = np.asarray(truth)
    answers = [np.asarray(a) for a in answers]
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(truth), (rounds, len(truth)))
    result = []
    for a in answers:
        values = np.array([metric(truth[p], a[p]) for p in picks])
        result.append((metric(truth, a), *np.nanquantile(values, [0.025, 0.975])))
    return result
