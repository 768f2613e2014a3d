"""Which engine computes a judge."""

from dataclasses import dataclass
from pathlib import Path

import torch

from modeling.judge.bi_encoder import BiEncoder
from modeling.judge.completion import Completion
from modeling.judge.cross_encoder import CrossEncoder
from modeling.judge.device import fast_half_precision
from modeling.judge.engines.embeddings import Embeddings
from modeling.judge.engines.encoding import BiEncoderEngine, CrossEncoderEngine, Encode
from modeling.judge.engines.engine import ENGINES, Engine, EngineError
from modeling.judge.engines.half import hold_in_half
from modeling.judge.engines.packed import PackedEncoder, can_be_packed
from modeling.judge.engines.plain import PlainEngine
from modeling.judge.engines.shared_prefix import SharedPrefixEngine, can_share
from modeling.judge.model import PairModel


@dataclass(frozen=True)
class Kept:
    """Where engines keep on the local disk what they need not compute again, and for which artifact."""

    folder: Path
    identity: str

    def embeddings(self, engine: str, device: torch.device) -> Path:
        """The folder of the embeddings that an engine makes here: another precision makes others."""
        precision = "bfloat16" if fast_half_precision(device) else "float32"
        return self.folder / "embeddings" / f"{self.identity}-{engine}-{device.type}-{precision}"


def engine_for(model: PairModel, name: str = "auto", kept: Kept | None = None) -> Engine:
    """The engine of a name for a model; "auto" is the fastest that this machine has for it.

    "plain" is the model as it is trained. "torch" computes the same in fewer steps: encoders without padding, each
    text of a bi-encoder once, what prompts begin with once, weights held in bfloat16 where that is fast. Without
    `kept`, nothing is kept on disk.
    EngineError for a name that is not known or not for this model.
    """
    if name not in ENGINES:
        raise EngineError(f"engine: expected {', '.join(ENGINES)}, got {name!r}")
    if name == "plain":
        return PlainEngine(model)
    if isinstance(model, CrossEncoder):
        return CrossEncoderEngine("torch", model, _encode(model))
    if isinstance(model, BiEncoder):
        folder = kept.embeddings("torch", model.device) if kept else None
        return BiEncoderEngine("torch", model, _encode(model), Embeddings(model.width, folder))
    if isinstance(model, Completion) and can_share(model):
        _hold_in_half(model)
        return SharedPrefixEngine(model)
    return PlainEngine(model)


def _hold_in_half(model: PairModel) -> None:
    if model.device.type == "cpu" and fast_half_precision(model.device):
        hold_in_half(model.adapted)


def _encode(model: CrossEncoder | BiEncoder) -> Encode:
    """The states of sequences, packed where the network allows it, else by the model itself."""
    reads_whole = isinstance(model, BiEncoder) or model.both_ways
    if reads_whole and can_be_packed(model.adapted):
        return PackedEncoder(model.adapted).mean_states
    _hold_in_half(model)
    if isinstance(model, BiEncoder):
        return lambda sequences: model.embed_tokens(sequences["input_ids"])
    return model.states_of
