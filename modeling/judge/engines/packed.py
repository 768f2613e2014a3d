"""BERT and its kin on a CPU without padding: the tokens of all sequences lie one after the other in one matrix.

Only attention needs to know where a sequence ends; it is computed for all sequences of one length at once. So no token
is computed for nothing, no mask is needed, and what surrounds the products of matrices in the usual modules is gone.
Source of the idea: Zeng et al., "Boosting Distributed Training Performance of the Unpadded BERT Model", 2022.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.judge.bi_encoder import length_of_root
from modeling.judge.device import fast_half_precision
from modeling.judge.model import batches_by_length
from modeling.judge.one_sequence import Sequences

# What these say of a token's position begins so far after the padding token's number.
_FIRST_POSITION = {"bert": None, "roberta": 1, "xlm-roberta": 1}
# Tokens computed at once: what a layer makes of them stays in the processor's cache.
_TOKENS = 2048
# Up to this length the weights of all tokens to all others are small, and plain products are faster than tiles.
_SHORT = 128

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class _Layer:
    """One layer: products of matrices in the fast precision, sums and norms in full."""

    sides: Linear
    attended: Linear
    attended_norm: nn.LayerNorm
    wide: Linear
    narrow: Linear
    norm: nn.LayerNorm


def can_be_packed(network: nn.Module) -> bool:
    """Whether the network is one that PackedEncoder computes: on the CPU, its updates merged, its weights in full."""
    config: Any = network.config
    plain = all(weight.dtype == torch.float32 and weight.device.type == "cpu" for weight in network.parameters())
    weighted: list[Any] = [module for module in network.modules() if hasattr(module, "weight")]
    return (
        plain
        and getattr(config, "model_type", "") in _FIRST_POSITION
        and getattr(config, "hidden_act", "") == "gelu"
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        and not getattr(config, "is_decoder", False)
        and all(type(layer) in (nn.Linear, nn.Embedding) for layer in weighted if layer.weight.dim() == 2)
    )


class PackedEncoder:
    """The mean states of sequences by a network that can_be_packed, in bfloat16 where the processor is fast in it."""

    def __init__(self, network: nn.Module) -> None:
        parts: Any = network
        self.heads = int(parts.config.num_attention_heads)
        self.embeddings = parts.embeddings
        after = _FIRST_POSITION[parts.config.model_type]
        self.first = 0 if after is None else int(parts.config.pad_token_id) + after
        self.dtype = torch.bfloat16 if fast_half_precision(torch.device("cpu")) else torch.float32
        self.layers = [self._layer(layer) for layer in parts.encoder.layer]

    def mean_states(self, sequences: Sequences) -> Tensor:
        """(rows, width) in float32: the mean of each sequence's states, of length sqrt(width)."""
        ids = sequences["input_ids"]
        means = torch.empty((len(ids), self.embeddings.word_embeddings.embedding_dim))
        for rows in batches_by_length([len(one) for one in ids], _TOKENS, padded=False):
            sides = [sequences["token_type_ids"][row] for row in rows] if "token_type_ids" in sequences else None
            means[rows] = self._means([ids[row] for row in rows], sides)
        return length_of_root(means)

    @torch.inference_mode()
    def _means(self, ids: Sequence[list[int]], sides: Sequence[list[int]] | None) -> Tensor:
        """The means (rows, width) of sequences that come in runs of one length."""
        runs = [(length, len(list(same))) for length, same in groupby(len(one) for one in ids)]
        states = self._embedded(ids, sides)
        for layer in self.layers:
            attended = self._attend(layer.sides(states.to(self.dtype)), runs)
            states = layer.attended_norm(states + layer.attended(attended))
            states = layer.norm(states + layer.narrow(layer.wide(states.to(self.dtype))))
        pieces = torch.split(states, [length * rows for length, rows in runs])
        return torch.cat(
            [piece.view(rows, length, -1).mean(dim=1) for piece, (length, rows) in zip(pieces, runs, strict=True)]
        )

    def _embedded(self, ids: Sequence[list[int]], sides: Sequence[list[int]] | None) -> Tensor:
        tokens = torch.tensor([token for one in ids for token in one])
        places = torch.tensor([place for one in ids for place in range(self.first, self.first + len(one))])
        side = torch.tensor([number for one in sides for number in one]) if sides else torch.zeros_like(tokens)
        states = self.embeddings.word_embeddings(tokens) + self.embeddings.position_embeddings(places)
        normed: Tensor = self.embeddings.LayerNorm(states + self.embeddings.token_type_embeddings(side))
        return normed

    def _attend(self, sides: Tensor, runs: Sequence[tuple[int, int]]) -> Tensor:
        """What each token takes from its sequence, (tokens, width); sides is (tokens, 3 * width)."""
        if len(runs) == 1:
            return _attention(sides, *runs[0], self.heads)
        pieces = torch.split(sides, [length * rows for length, rows in runs])
        return torch.cat([_attention(piece, *run, self.heads) for piece, run in zip(pieces, runs, strict=True)])

    def _layer(self, layer: Any) -> _Layer:
        attention = layer.attention.self
        sides = (attention.query, attention.key, attention.value)
        weight = torch.cat([one.weight for one in sides])
        bias = torch.cat([one.bias for one in sides])
        return _Layer(
            sides=self._linear(weight, bias),
            attended=self._linear(layer.attention.output.dense.weight, layer.attention.output.dense.bias),
            attended_norm=layer.attention.output.LayerNorm,
            wide=self._linear(layer.intermediate.dense.weight, layer.intermediate.dense.bias, "gelu"),
            narrow=self._linear(layer.output.dense.weight, layer.output.dense.bias),
            norm=layer.output.LayerNorm,
        )

    def _linear(self, weight: Tensor, bias: Tensor, after: str = "none") -> Linear:
        weight, bias = weight.detach(), bias.detach()
        if self.dtype == torch.float32:
            if after == "gelu":
                return lambda states: functional.gelu(functional.linear(states, weight, bias))
            return lambda states: functional.linear(states, weight, bias)
        # oneDNN's own order of the weights, made once, with what follows done while a tile is at hand.
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.to(self.dtype), _TOKENS)
        half, algorithm = bias.to(self.dtype), "none" if after == "gelu" else ""
        return lambda states: torch.ops.mkldnn._linear_pointwise(states, packed, half, after, [], algorithm)


def _attention(sides: Tensor, length: int, rows: int, heads: int) -> Tensor:
    """What tokens take from their sequence, (rows * length, width), for sequences of one length."""
    parts = sides.view(rows, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
    if length > _SHORT:
        taken = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
    else:
        query, key, value = parts.reshape(3, rows * heads, length, -1)
        weights = torch.softmax(torch.bmm(query * query.shape[-1] ** -0.5, key.transpose(1, 2)), dim=-1)
        taken = torch.bmm(weights, value).view(rows, heads, length, -1)
    return taken.transpose(1, 2).reshape(rows * length, -1)
