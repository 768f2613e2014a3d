"""Linear layers whose weights are held in bfloat16, for processors that multiply it in hardware.

A context of autocast rounds float32 weights anew at every call; of a language model that is a good part of the time.
Sums, norms and what layers add to stay in full precision.
"""

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

# oneDNN orders weights for about so many rows.
_ROWS = 4096


class HalfLinear(nn.Module):
    """A linear layer on the CPU in bfloat16, its weights in oneDNN's own order."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        weight = layer.weight.detach().to(torch.bfloat16)
        self.ordered = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self.bias = None if layer.bias is None else layer.bias.detach().to(torch.bfloat16)

    def forward(self, states: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features) in bfloat16."""
        made: Tensor = torch.ops.mkldnn._linear_pointwise(
            states.to(torch.bfloat16), self.ordered, self.bias, "none", [], ""
        )
        return made


def hold_in_half(network: nn.Module) -> None:
    """Hold the linear layers that are in float32 on the CPU in bfloat16 from now on, unless updates are beside them."""
    if any(isinstance(module, BaseTunerLayer) for module in network.modules()):
        return
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if type(layer) is nn.Linear and layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu":
                setattr(module, name, HalfLinear(layer))
