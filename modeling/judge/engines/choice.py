"""Which engine computes a judge."""

from modeling.judge.engines.engine import ENGINES, Engine, EngineError
from modeling.judge.engines.plain import PlainEngine
from modeling.judge.model import PairModel


def engine_for(model: PairModel, name: str = "auto") -> Engine:
    """The engine of a name for a model; "auto" is the fastest that this machine has for it.

    EngineError for a name that is not known or not for this model.
    """
    if name not in ENGINES:
        raise EngineError(f"engine: expected {', '.join(ENGINES)}, got {name!r}")
    return PlainEngine(model)
