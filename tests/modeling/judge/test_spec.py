import json
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from modeling.judge import spec as spec_module
from modeling.judge.spec import PROMPTS, JudgeSpec, SpecError, shipped_specs

SPECS = Path(spec_module.__file__).parent / "specs"


def test_spec_survives_json_and_keeps_its_defaults() -> None:
    spec = JudgeSpec(base_model="some/model", revision="abc", epochs=9, report_to=("wandb",))
    assert JudgeSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert JudgeSpec.from_dict({}) == JudgeSpec()
    assert JudgeSpec.from_dict({"lora_dropout": 0}).lora_dropout == 0


def test_spec_names_the_prompt_and_the_length_of_its_kind() -> None:
    assert [JudgeSpec(kind=kind).max_length for kind in PROMPTS] == [40, 64, 256]
    assert JudgeSpec(kind="completion", max_length=100).max_length == 100
    assert [JudgeSpec(kind=kind).prompt for kind in PROMPTS] == ["sides-1", "pair-2", "short-1"]
    assert JudgeSpec(kind="completion", prompt="guideline-1").prompt == "guideline-1"


def test_spec_can_be_like_a_shipped_one() -> None:
    spec = JudgeSpec.from_dict({"like": "qwen3-0.6b", "epochs": 7})
    assert (spec.kind, spec.base_model, spec.epochs) == ("completion", "Qwen/Qwen3-0.6B-Base", 7)
    assert JudgeSpec.from_dict({"like": "minilm-bi-encoder"}) == JudgeSpec()
    assert "like" not in spec.to_dict()


@pytest.mark.parametrize("name", shipped_specs())
def test_shipped_specs_are_sound_and_say_only_what_is_not_the_default(name: str) -> None:
    settings = json.loads((SPECS / f"{name}.json").read_text(encoding="utf-8"))
    spec = JudgeSpec.from_dict({"like": name})
    same = {key for key, value in settings.items() if value == getattr(JudgeSpec(), key)}
    assert same <= {"kind", "base_model"}
    assert JudgeSpec.from_dict(spec.to_dict()) == spec


def test_spec_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        JudgeSpec().epochs = 4  # type: ignore[misc]  # the point of the test


def test_spec_has_a_sentence_for_every_field() -> None:
    source = Path(spec_module.__file__).read_text(encoding="utf-8")
    for field in fields(JudgeSpec):
        declaration = source.partition(f"\n    {field.name}: ")[2].splitlines()
        assert declaration[1].strip().startswith('"""'), field.name
        assert declaration[1].endswith('."""'), field.name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "oracle"}, r'kind: expected one of "bi_encoder", "cross_encoder", "completion", got \'oracle\''),
        ({"kind": ["bi_encoder"]}, r"kind: expected one of .*, got \['bi_encoder'\]"),
        ({"quantization": "int4"}, r'quantization: expected one of "none", "int8", "nf4", got \'int4\''),
        ({"schedule": None}, r'schedule: expected one of "linear", "cosine", "constant", got None'),
        ({"optimizer": "sgd"}, r'optimizer: expected one of "adamw", "adamw_8bit", got \'sgd\''),
        ({"prompt": "short-1"}, r'prompt: a bi_encoder reads "sides-1", got \'short-1\''),
        ({"kind": "completion", "prompt": 1}, r'prompt: a completion reads "short-1" or .* got 1'),
        ({"report_to": "wandb"}, r"report_to: expected a list of mlflow or wandb, got 'wandb'"),
        ({"report_to": ["comet"]}, r"report_to: expected a list of mlflow or wandb, got \['comet'\]"),
        ({"report_to": [{}]}, r"report_to: expected a list of mlflow or wandb, got \[{}\]"),
        ({"gradient_checkpointing": 1}, r"gradient_checkpointing: expected true or false, got 1"),
        ({"early_stopping": -1}, r"early_stopping: expected a whole number from 0 to 1000, got -1"),
        ({"like": "gpt"}, r"like: expected one of llama-8b-one-gpu, .* got 'gpt'"),
        ({"like": []}, r"like: expected one of .* got \[\]"),
        ({"epoch": 3}, r"epoch: unknown setting of a judge; known are like, kind, base_model"),
        ({"epochs": 0}, r"epochs: expected a whole number from 1 to 1000, got 0"),
        ({"epochs": 2.5}, r"epochs: expected a whole number from 1 to 1000, got 2.5"),
        ({"epochs": True}, r"epochs: expected a whole number from 1 to 1000, got True"),
        ({"batch_tokens": "32"}, r"batch_tokens: expected a whole number from 16 to 1e\+07, got '32'"),
        ({"max_length": False}, r"max_length: expected a whole number from 8 to 32768, got False"),
        ({"max_length": 7}, r"max_length: expected a whole number from 8 to 32768, got 7"),
        ({"learning_rate": 2}, r"learning_rate: expected a number from 1e-07 to 1, got 2"),
        ({"lora_dropout": float("nan")}, r"lora_dropout: expected a number from 0 to 0.9, got nan"),
        ({"base_model": " "}, r"base_model: expected a text that is not empty, got ' '"),
        ({"targets": None}, r"targets: expected a text that is not empty, got None"),
        ({"revision": ""}, r"revision: expected None or a branch, tag or commit, got ''"),
    ],
)
def test_spec_refuses_settings_by_field_value_and_expectation(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        JudgeSpec.from_dict(settings)
