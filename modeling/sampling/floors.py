"""A floor for rare labels: so much of the active part at least is predicted to be each label."""

from collections.abc import Iterator
from math import floor

import numpy as np

from modeling.sampling.contract import Pool, Probabilities, Reason, Scores, in_blocks


class LabelFloors:
    """How many pairs predicted to be each label there are to be, and how many are still lacking.

    Without probabilities, or with a share of 0, nothing is. ValueError for a share that leaves no room for all
    labels.
    """

    def __init__(self, pool: Pool, share: float, wanted: int) -> None:
        self._pool = pool
        self._predicted = np.empty(0, dtype=np.int16)
        self._lacking: list[int] = []
        if pool.probabilities is None or share == 0:
            return
        labels = pool.probabilities.shape[1]
        if share * labels > 1:
            raise ValueError(f"label_floor must be at most 1 / {labels} with {labels} labels, got {share}")
        self._predicted = in_blocks(_likeliest, pool.probabilities).astype(np.int16)
        self._lacking = [floor(share * wanted)] * labels

    @property
    def lacking(self) -> int:
        """How many pairs all labels lack together."""
        return sum(self._lacking)

    def lacking_of(self, label: int) -> int:
        """How many pairs a label lacks."""
        return self._lacking[label]

    def lacking_labels(self) -> list[int]:
        """The labels that lack pairs."""
        return [label for label, lacking in enumerate(self._lacking) if lacking]

    def count(self, position: int) -> None:
        """Note a pair that was picked."""
        if self._lacking:
            label = int(self._predicted[position])
            self._lacking[label] = max(0, self._lacking[label] - 1)

    def candidates(self, label: int, scores: Scores) -> Iterator[Scores]:
        """Scores (n,) of who may fill a label's places: pairs predicted to be it by `scores`, nan for the others.

        Then the others, by the label's probability: where the judge never says a label, its likeliest pairs are the
        best guess. Source: Attenberg and Provost, "Why label when you can search?" (KDD 2010).
        """
        said = self._predicted == label
        yield np.where(said, scores, np.float32(np.nan))
        yield np.where(said | np.isnan(scores), np.float32(np.nan), self._probabilities()[:, label]).astype(np.float32)

    def reason(self, label: int, position: int) -> Reason:
        """Why a pair fills a place of the label's."""
        values = {"label": self._pool.label(label), "p": float(self._probabilities()[position, label])}
        if int(self._predicted[position]) == label:
            return Reason("so that %(label)s is not starved: the judge gives it %(p).2f", values)
        return Reason("so that %(label)s is not starved: one of its likeliest, %(p).2f", values)

    def _probabilities(self) -> Probabilities:
        return self._pool.known_probabilities()


def _likeliest(probabilities: Probabilities) -> Scores:
    return np.asarray(probabilities.argmax(axis=1), dtype=np.float32)
