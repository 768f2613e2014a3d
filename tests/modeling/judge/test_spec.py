import json
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from modeling.judge import spec as spec_module
from modeling.judge.spec import JudgeSpec, SpecError


def test_spec_survives_json_and_keeps_its_defaults() -> None:
    spec = JudgeSpec(base_model="some/model", revision="abc", epochs=9)
    assert JudgeSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert JudgeSpec.from_dict({}) == JudgeSpec()
    assert JudgeSpec.from_dict({"lora_dropout": 0}).lora_dropout == 0


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
        ({"kind": "cross_encoder"}, r'kind: expected "bi_encoder", .* got \'cross_encoder\''),
        ({"epoch": 3}, r"epoch: unknown setting of a judge; known are kind, base_model"),
        ({"epochs": 0}, r"epochs: expected a whole number from 1 to 1000, got 0"),
        ({"epochs": 2.5}, r"epochs: expected a whole number from 1 to 1000, got 2.5"),
        ({"epochs": True}, r"epochs: expected a whole number from 1 to 1000, got True"),
        ({"batch_size": "32"}, r"batch_size: expected a whole number from 1 to 4096, got '32'"),
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
