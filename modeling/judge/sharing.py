"""Several models on one base model: each has its own layers, and all have the base's weights in common."""

import copy
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import nn

# Bytes of the changed layers above which a copy for each adapter is too much.
COPIED_AT_MOST = 1024**3


def twin(network: nn.Module) -> nn.Module:
    """The same network in other modules, with the very same tensors: what is added to one is not in the other."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    in_8_bits: list[Any] = [module for module in network.modules() if hasattr(module, "init_8bit_state")]
    for layer in in_8_bits:
        # bitsandbytes moves its scales out of the shared weight at the first use, when no twin would find them.
        if layer.weight.CB is not None:
            layer.init_8bit_state()
        shared |= {id(tensor): tensor for tensor in (layer.state.CB, layer.state.SCB)}
    return copy.deepcopy(network, shared)


def own_changed_weights(adapted: nn.Module) -> bool:
    """Give a network its own copy of the weights that its updates change, so that they can be merged.

    Returns False, and changes nothing, where the weights would lose by merging or are large: then the updates are
    computed beside them.
    """
    layers: list[Any] = [module.get_base_layer() for module in adapted.modules() if isinstance(module, LoraLayer)]
    in_full = all(weight.dtype == torch.float32 for weight in adapted.parameters())
    if not in_full or sum(layer.weight.nbytes for layer in layers) > COPIED_AT_MOST:
        return False
    for layer in layers:
        layer.weight = nn.Parameter(layer.weight.detach().clone(), requires_grad=False)
    return True
