"""One label out of several people's, and which way of doing so is right the most often."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import xlogy

from modeling.estimates import NAN, Estimate, Floats, wilson_interval
from modeling.labels.judged import Ids, Indexes, distinct

TIE = -1


class Prior(NamedTuple):
    """What is taken to be known of people and labels beforehand, as judgments and items seen before: weak by default.

    As if each person had met each true label before and had been right `right` times and wrong `wrong` times, with
    any of the other labels: by default, somebody of whom little is known is right four times in five. And as if
    `items` had been seen, one label as often as the other.
    """

    right: float = 1.0
    wrong: float = 0.25
    items: float = 1.0

    def confusion(self, labels: int) -> Floats:
        """The judgments seen before (labels, labels), by true and by given label."""
        counts = np.full((labels, labels), self.wrong / max(1, labels - 1))
        np.fill_diagonal(counts, self.right)
        return counts


WEAK = Prior()
NONE = Prior(0.0, 0.0, 0.0)


class Majority(NamedTuple):
    """The label most people gave, or TIE, and the share of judgments that the leading label has."""

    label: int
    share: float


def majority(counts: ArrayLike) -> Majority:
    """The most frequent label of one unit.

    `counts` is (labels,): how many people gave each label. The label is TIE (-1) when the lead is shared, or
    when nobody judged; in the latter case the share is nan.
    """
    votes = np.asarray(counts)
    if votes.ndim != 1 or votes.size == 0:
        raise ValueError(f"counts must be one number for each label, got shape {votes.shape}")
    if votes.min() < 0:
        raise ValueError(f"counts must not be negative, got {votes.tolist()}")
    total = votes.sum()
    if total == 0:
        return Majority(TIE, NAN)
    best = votes.max()
    label = int(votes.argmax()) if (votes == best).sum() == 1 else TIE
    return Majority(label, float(best / total))


def majorities(counts: ArrayLike) -> Indexes:
    """The label of `majority` for each unit (units,), from counts (units, labels): TIE where there is none."""
    votes = np.asarray(counts)
    if votes.ndim != 2 or votes.shape[1] == 0:
        raise ValueError(f"counts must be a table of units by labels, got shape {votes.shape}")
    best = votes.max(axis=1, keepdims=True)
    return np.where((votes == best).sum(axis=1) == 1, votes.argmax(axis=1), TIE)


@dataclass(frozen=True, eq=False)
class ErrorRates:
    """How people err: `confusion` (people, labels, labels) is the chance of each given label for each true one.

    `people` (people,) are ids in order, `prior` (labels,) is how frequent each true label is.
    """

    people: Ids
    prior: Floats
    confusion: Floats


@dataclass(frozen=True, eq=False)
class DawidSkene(ErrorRates):
    """What the model of Dawid and Skene says of items and people.

    `items` (items,) are ids in order, `posterior` (items, labels) the probability of each label for each of them.
    `counts` (people, labels, labels) is how many judgments each person gave by true label and given one, the true
    one as far as it is known. `log_posterior` (iterations,) never falls; `converged` says whether it came to rest.
    """

    items: Ids
    posterior: Floats
    counts: Floats
    log_posterior: Floats
    converged: bool


def dawid_skene(
    item: ArrayLike,
    person: ArrayLike,
    label: ArrayLike,
    *,
    labels: int,
    prior: Prior = WEAK,
    iterations: int = 500,
    tolerance: float = 1e-7,
) -> DawidSkene:
    """Estimate the true label of each item and how each person errs, from one another, by EM.

    `item`, `person` and `label` are (judgments,): ids, ids, and indexes below `labels`. It starts from the shares
    of the given labels and ends when the log posterior of the parameters, by judgment, gains less than `tolerance`,
    or after `iterations`. `prior` gives the Dirichlet priors' counts; NONE is the classic, which takes an error that
    was not seen to be impossible.
    The same data give the same result, whatever their order, up to rounding.

    So everything is defined: without judgments there are no items and all labels are equally frequent; an item with
    one judgment has that label as far as its person is trusted; a person with one judgment is mostly the prior; a
    label that nobody gives keeps a small chance. Cost by iteration: two sparse products over the judgments, and an
    exponential for each item and label. ValueError where an index lies outside, arrays differ in length or numbers
    are negative.
    Sources: Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
    Applied Statistics 28 (1979); with priors: Paun et al., "Comparing Bayesian models of annotation", TACL 6 (2018).
    """
    given = np.asarray(label, dtype=np.intp)
    items, row = distinct(np.asarray(item, dtype=np.int64))
    people, who = distinct(np.asarray(person, dtype=np.int64))
    _check_judgments(given, row, who, labels, prior, iterations)
    # One row an item, one column a person and given label: 1 where the person gave it.
    said = sparse.csr_array(
        (np.ones(len(given)), (row, who * labels + given)), shape=(len(items), len(people) * labels)
    )
    by_person = said.T.tocsr()
    seen = prior.confusion(labels)

    posterior = said @ np.tile(np.eye(labels), (len(people), 1))
    posterior /= posterior.sum(axis=1, keepdims=True)
    frequency = posterior.sum(axis=0)
    history: list[float] = []
    converged = False
    while not converged and len(history) < iterations:
        share = _shared(frequency + prior.items / labels)
        confusion = _shared(_counted(by_person, posterior) + seen)
        posterior, frequency, likelihood = _expected(said, share, confusion)
        prior_density = xlogy(seen, confusion).sum() + xlogy(prior.items / labels, share).sum()
        history.append(float(likelihood + prior_density))
        converged = len(history) > 1 and history[-1] - history[-2] <= tolerance * len(given)
    return DawidSkene(
        people=people,
        prior=share,
        confusion=confusion,
        items=items,
        posterior=posterior,
        counts=_counted(by_person, posterior),
        log_posterior=np.array(history),
        converged=converged,
    )


def posterior_of(given: ArrayLike, people: ArrayLike, model: ErrorRates) -> Floats:
    """The probability of each label (labels,) for one item, from who gave which label and how they err.

    `given` (judgments,) are indexes of labels, `people` (judgments,) ids. Somebody whom the model does not know is
    taken to err as the others do on average. Without judgments it is the model's prior.
    """
    labels = len(model.prior)
    spoken, who = np.asarray(given, dtype=np.intp), np.asarray(people, dtype=np.int64)
    if spoken.shape != who.shape or (spoken.size and not 0 <= spoken.min() <= spoken.max() < labels):
        raise ValueError(f"given must be a label below {labels} for each of {who.size} people, got {spoken.tolist()}")
    known = {int(person): place for place, person in enumerate(model.people)}
    everyone = model.confusion.mean(axis=0) if len(model.people) else _shared(WEAK.confusion(labels))
    scores = _log(model.prior)
    for one, person in zip(spoken.tolist(), who.tolist(), strict=True):
        rows = model.confusion[known[person]] if person in known else everyone
        scores = scores + _log(rows[:, one])
    return _shared(np.exp(scores - scores.max()))


def compare_methods(methods: Mapping[str, ArrayLike], known: ArrayLike) -> dict[str, Estimate]:
    """How often each method's label is the known one, with Wilson's interval, in the methods' order.

    `known` (units,) are labels of adjudicated or gold units, each method's (units,) its labels of the same; TIE, no
    label, is not right. What is adjudicated is what people parted on, so the shares are those of hard units.
    """
    truth = np.asarray(known)
    found = {}
    for name, labels in methods.items():
        said = np.asarray(labels)
        if said.shape != truth.shape or said.ndim != 1:
            raise ValueError(f"{name} must have a label for each of {truth.size} units, got shape {said.shape}")
        found[name] = wilson_interval(int(((said == truth) & (said != TIE)).sum()), len(truth))
    return found


def _counted(by_person: sparse.csr_array, posterior: Floats) -> Floats:
    """How many judgments each person gave (people, labels, labels) by true and by given label."""
    labels = posterior.shape[1]
    summed = np.asarray(by_person @ posterior, dtype=np.float64)
    return summed.reshape(len(summed) // labels, labels, labels).swapaxes(1, 2)


def _expected(said: sparse.csr_array, prior: Floats, confusion: Floats) -> tuple[Floats, Floats, float]:
    """The items' posterior (items, labels), how many items have each label, and the log likelihood of all judgments."""
    people, labels, _ = confusion.shape
    by_given = _log(confusion).swapaxes(1, 2).reshape(people * labels, labels)
    # One row a label: numpy is several times faster across long rows than across short ones.
    scores = np.ascontiguousarray((said @ by_given).T)
    scores += _log(prior)[:, None]
    best = scores.max(axis=0)
    scores -= best
    np.exp(scores, out=scores)
    total = scores.sum(axis=0)
    scores /= total
    return np.ascontiguousarray(scores.T), scores.sum(axis=1), float(np.log(total).sum() + best.sum())


# An error without a chance has a finite logarithm all the same, so that no sum is undefined.
_NEVER = math.log(1e-300)


def _log(chances: Floats) -> Floats:
    logs: Floats = np.log(chances, out=np.full(chances.shape, _NEVER), where=chances > 0)
    return logs


def _shared(counts: Floats) -> Floats:
    """Counts (..., labels) as shares of their sum; equal shares where there is nothing."""
    total = counts.sum(axis=-1, keepdims=True)
    equal = np.full(counts.shape, 1 / max(1, counts.shape[-1]))
    shares: Floats = np.divide(counts, total, out=equal, where=total > 0)
    return shares


def _check_judgments(given: Indexes, row: Indexes, who: Indexes, labels: int, prior: Prior, iterations: int) -> None:
    if not given.shape == row.shape == who.shape or given.ndim != 1:
        raise ValueError(f"item, person and label must be of one length, got {row.shape}, {who.shape}, {given.shape}")
    if labels < 1:
        raise ValueError(f"labels must be at least 1, got {labels}")
    outside = given[(given < 0) | (given >= labels)]
    if len(outside):
        raise ValueError(f"label must lie between 0 and {labels - 1}, got {outside[0]}")
    if min(prior) < 0:
        raise ValueError(f"what was seen before must not be negative, got {prior}")
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
