"""The kinds of judge, made from a spec: ready to be trained, or from an artifact to judge."""

from collections.abc import Callable, Sequence
from functools import partial
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
from modeling.judge.sharing import own_changed_weights, twin
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
    device = device or best_device()
    model = _model(
        spec,
        label_keys,
        base_folder,
        guideline,
        device,
        partial(_network, spec, base_folder, device, dtype),
        partial(add_adapter, spec=spec),
    )
    if spec.gradient_checkpointing:
        model.adapted.activation_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]  # transformers'
    return model


def load_model(artifact: Artifact, base_folder: Path, device: torch.device | None = None) -> PairModel:
    """The model of an artifact that was read, its updates merged where that loses nothing."""
    return load_models([artifact], base_folder, device)[0]


def load_models(
    artifacts: Sequence[Artifact], base_folder: Path, device: torch.device | None = None
) -> list[PairModel]:
    """The models of artifacts that were read, all on the base model of one folder, which is read once.

    They share the base's weights: one copy is in memory. Only a small model in full precision gets its own copy of
    the layers that its adapter changes, and has that merged; a large one keeps its updates beside the shared layers.
    ValueError where the artifacts do not want the base model in one form, which form_of tells.
    """
    forms = {form_of(artifact.spec) for artifact in artifacts}
    if len(forms) > 1:
        raise ValueError(f"one base model is held in one form, these artifacts want {sorted(forms)}")
    device = device or best_device()
    if len(artifacts) == 1:
        model = _loaded(artifacts[0], base_folder, device, partial(_network, artifacts[0].spec, base_folder, device))
        model.merge()
        return [model]
    network = _network(artifacts[0].spec, base_folder, device)
    models = [_loaded(artifact, base_folder, device, partial(twin, network)) for artifact in artifacts]
    for model in models:
        if own_changed_weights(model.adapted):
            model.merge()
    return models


def _loaded(artifact: Artifact, folder: Path, device: torch.device, load: Callable[[], nn.Module]) -> PairModel:
    """The model of an artifact on the network that is loaded, its updates beside the weights."""
    guideline = artifact.manifest.get("guideline", "")
    adapt = partial(load_adapter, folder=artifact.folder / ADAPTER_FOLDER)
    try:
        model = _model(artifact.spec, artifact.labels, folder, guideline, device, load, adapt)
    except SpecError as error:
        raise IncompatibleArtifact(f"{artifact.folder}: does not fit its base model: {error}") from error
    if model.head is not None:
        model.head.load_state_dict(load_file(artifact.folder / HEAD_WEIGHTS))
    return model.eval()


def form_of(spec: JudgeSpec) -> tuple[bool, str]:
    """In which form a spec wants its base model: with a language model's output layer or without, and quantized how."""
    return spec.kind == "completion", spec.quantization


def _network(spec: JudgeSpec, folder: Path, device: torch.device, dtype: torch.dtype | None = None) -> nn.Module:
    causal, quantization = form_of(spec)
    return load_network(folder, causal=causal, quantization=quantization, device=device, dtype=dtype)


def _model(
    spec: JudgeSpec,
    label_keys: Sequence[str],
    folder: Path,
    guideline: str | Sequence[str],
    device: torch.device,
    load: Callable[[], nn.Module],
    adapt: Callable[[nn.Module], nn.Module],
) -> PairModel:
    tokenizer = load_tokenizer(folder)
    # What the tokenizer refuses is known before gigabytes are read.
    prompt = pair_prompt_of(spec.prompt, label_keys, guideline) if spec.kind == "completion" else None
    answers = label_tokens(tokenizer, prompt) if prompt else []
    network = load()
    limit = longest_input(network)
    if limit is not None and spec.max_length > limit:
        raise SpecError(f"max_length: {spec.base_model} reads at most {limit} tokens, got {spec.max_length}")
    if prompt is None:
        if spec.kind == "bi_encoder":
            return BiEncoder(adapt(network), tokenizer, label_keys, spec.max_length).to(device)
        return CrossEncoder(adapt(network), tokenizer, label_keys, spec.max_length, spec.prompt).to(device)
    rows = label_rows(network, answers)
    # The other rows are never used; of a large vocabulary they are gigabytes.
    network.set_output_embeddings(nn.Identity())  # type: ignore[operator]  # transformers' own
    return Completion(adapt(network), rows, tokenizer, label_keys, spec.max_length, prompt).to(device)
