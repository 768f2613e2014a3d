"""How a base model's frozen weights are held: in full, or in 8 or 4 bits by bitsandbytes, on GPUs and on CPUs."""

import torch
from transformers import BitsAndBytesConfig


def quantization_config(quantization: str, compute: torch.dtype) -> BitsAndBytesConfig | None:
    """What transformers needs to load a model so; None for "none". Products of matrices are taken in `compute`.

    Sources: Dettmers et al., "LLM.int8()", NeurIPS 2022; "QLoRA" (NF4, constants quantized again), NeurIPS 2023.
    """
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
    if quantization == "nf4":
        return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=compute,
        )
    return None
