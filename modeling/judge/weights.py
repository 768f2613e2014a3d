"""A trained adapter's weights on disk."""

from pathlib import Path

from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import nn

from modeling.judge.artifact import ADAPTER_FOLDER, ADAPTER_WEIGHTS, HEAD_WEIGHTS


def save_weights(folder: Path, adapted: PeftModel, head: nn.Module | None) -> None:
    """Write the adapter, and the head if there is one, into a new folder, as safetensors."""
    (folder / ADAPTER_FOLDER).mkdir(parents=True)
    # Looking whether embeddings changed could ask the network; a judge never changes them.
    updates = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in updates.items()},
        folder / ADAPTER_FOLDER / ADAPTER_WEIGHTS,
    )
    adapted.peft_config["default"].save_pretrained(str(folder / ADAPTER_FOLDER))
    if head is not None:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in head.state_dict().items()},
            folder / HEAD_WEIGHTS,
        )
