"""The kinds of judge, made from a spec: ready to be trained, or from an artifact to judge."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from modeling.judge.artifact import ADAPTER_FOLDER, HEAD_WEIGHTS, Artifact, IncompatibleArtifact
from modeling.judge.base_model import load_network, load_tokenizer, longest_input
from modeling.judge.bi_encoder import BiEncoder
from modeling.judge.completion import Completion, label_rows, label_tokens, pair_prompt_of
from modeling.judge.cross_encoder import CrossEncoder
from modeling.judge.device import best_device
from modeling.judge.lora import add_adapter, load_adapter
from modeling.judge.model import PairModel
from modeling.judge.spec import JudgeSpec, SpecError


def build_model(
    spec: JudgeSpec,
    label_keys: Sequence[str],
    base_folder: Path,
    *,
    guideline: str | Sequence[str] = "",
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> PairModel:
    """A model with a new adapter on the base model of a folder, on its device, ready to be trained.

    `guideline` is read by the prompt "guideline-1" alone. SpecError and BaseModelError name what does not fit.
    """
    model = _model(spec, label_keys, base_folder, guideline, device, dtype, lambda network: add_adapter(network, spec))
    if spec.gradient_checkpointing:
        model.adapted.activation_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]  # transformers'
    return model


def load_model(artifact: Artifact, base_folder: Path, device: torch.device | None = None) -> PairModel:
    """The model of an artifact that was read, its updates merged where that loses nothing."""
    adapter = artifact.folder / ADAPTER_FOLDER
    try:
        model = _model(
            artifact.spec,
            artifact.labels,
            base_folder,
            artifact.manifest.get("guideline", ""),
            device,
            None,
            lambda network: load_adapter(network, adapter),
        )
    except SpecError as error:
        raise IncompatibleArtifact(f"{artifact.folder}: does not fit its base model: {error}") from error
    if model.head is not None:
        model.head.load_state_dict(load_file(artifact.folder / HEAD_WEIGHTS))
    model.merge()
    return model.eval()


def _model(
    spec: JudgeSpec,
    label_keys: Sequence[str],
    folder: Path,
    guideline: str | Sequence[str],
    device: torch.device | None,
    dtype: torch.dtype | None,
    adapt: Callable[[nn.Module], nn.Module],
) -> PairModel:
    device = device or best_device()
    tokenizer = load_tokenizer(folder)
    completes = spec.kind == "completion"
    # What the tokenizer refuses is known before gigabytes are read.
    prompt = pair_prompt_of(spec.prompt, label_keys, guideline) if completes else None
    answers = label_tokens(tokenizer, prompt) if prompt else []
    network = load_network(folder, causal=completes, quantization=spec.quantization, device=device, dtype=dtype)
    limit = longest_input(network)
    if limit is not None and spec.max_length > limit:
        raise SpecError(f"max_length: {spec.base_model} reads at most {limit} tokens, got {spec.max_length}")
    if prompt is None:
        kind = BiEncoder if spec.kind == "bi_encoder" else CrossEncoder
        return kind(adapt(network), tokenizer, label_keys, spec.max_length).to(device)
    rows = label_rows(network, answers)
    # The other rows are never used; of a large vocabulary they are gigabytes.
    network.set_output_embeddings(nn.Identity())  # type: ignore[operator]  # transformers' own
    return Completion(adapt(network), rows, tokenizer, label_keys, spec.max_length, prompt).to(device)
