"""The plain engine: the model as it is trained, by torch. Works for every judge; the others are measured by it."""

from collections.abc import Hashable, Sequence
from typing import cast

from modeling.judge.engines.engine import Engine, Floats
from modeling.judge.model import PairModel

Texts = tuple[Sequence[str], Sequence[str]]


class PlainEngine(Engine):
    """The model's own logits, in batches by length; in bfloat16 where the device is fast in it."""

    name = "plain"

    def __init__(self, model: PairModel) -> None:
        self.model = model

    @property
    def reading(self) -> Hashable:
        return self.name

    def read(self, queries: Sequence[str], products: Sequence[str]) -> Texts:
        return queries, products

    def compute(self, texts: Texts) -> Floats:
        return cast(Floats, self.model.logits(*texts).numpy())
