import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peft import PeftModel

from modeling.judge.artifact import (
    CorruptArtifact,
    IncompatibleArtifact,
    new_folder_beside,
    read_artifact,
    seal,
)
from modeling.judge.base_model import load_network, resolve_base_model
from modeling.judge.scoring import Judge
from modeling.judge.spec import EMBEDDED
from tests.modeling.judge.shop import LABELS, SMALL, Trained

pytestmark = pytest.mark.training


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "artifact"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_artifact_is_read_back_as_it_was_written(folder: Path, trained: Trained) -> None:
    artifact = read_artifact(folder)
    assert artifact.spec == SMALL
    assert artifact.labels == LABELS
    assert artifact.manifest == trained.manifest


def test_artifact_holds_no_pickle_and_nothing_beside_its_files(folder: Path) -> None:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "head.safetensors",
        "manifest.json",
    ]


def test_artifact_can_be_read_by_every_user(folder: Path) -> None:
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in [folder, *folder.rglob("*")])


def test_artifact_names_the_base_model_and_no_place_on_this_machine(folder: Path) -> None:
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == EMBEDDED
    for path in folder.rglob("*.json"):
        assert str(resolve_base_model(EMBEDDED)) not in path.read_text()


# PEFT 0.21 reads a property that transformers 5 has renamed.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_artifact_adapter_opens_with_peft_alone(folder: Path) -> None:
    encoder = load_network(resolve_base_model(EMBEDDED))
    adapted = PeftModel.from_pretrained(encoder, str(folder / "adapter"))
    assert any(weight.abs().sum() > 0 for name, weight in adapted.named_parameters() if ".lora_B." in name)


@pytest.mark.parametrize(
    "name", ["head.safetensors", "adapter/adapter_model.safetensors", "adapter/adapter_config.json"]
)
def test_artifact_with_a_changed_or_missing_file_is_corrupt(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CorruptArtifact, match=rf"{name}: expected SHA-256 [0-9a-f]{{64}}, got [0-9a-f]{{64}}: restore"):
        Judge.load(folder)
    path.write_bytes(content[:100])
    with pytest.raises(CorruptArtifact, match="expected SHA-256"):
        Judge.load(folder)
    path.unlink()
    with pytest.raises(CorruptArtifact, match="got no file"):
        Judge.load(folder)


def test_artifact_without_a_sound_manifest_is_corrupt(folder: Path) -> None:
    edit(folder, lambda manifest: manifest.pop("labels"))
    with pytest.raises(CorruptArtifact, match="has no 'labels'"):
        read_artifact(folder)
    (folder / "manifest.json").write_text('{"format": 1,')
    with pytest.raises(CorruptArtifact, match="is not JSON"):
        read_artifact(folder)
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(CorruptArtifact, match="expected an object, got list"):
        read_artifact(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(CorruptArtifact, match="there is no such file, so this is no adapter's folder"):
        read_artifact(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 1}, "has format 1, this version reads 2"),
        ({"prompt_version": "bi-encoder-0"}, "learned from texts of version bi-encoder-0, now they are bi-encoder-1"),
        ({"spec": {"kind": "oracle"}}, "has a setting that is not known here: kind: expected"),
        ({"base_model_sha256": "0" * 64}, rf"was trained on {EMBEDDED} with weights 0{{64}}, but .* has"),
    ],
)
def test_artifact_of_another_version_is_incompatible(folder: Path, change: dict[str, Any], message: str) -> None:
    edit(folder, lambda manifest: manifest.update(change))
    with pytest.raises(IncompatibleArtifact, match=message):
        Judge.load(folder)


def test_artifact_replaces_an_older_one_whole(folder: Path, trained: Trained) -> None:
    (folder / "left_over.txt").write_text("old")
    written = new_folder_beside(folder)
    shutil.copytree(trained.folder / "adapter", written / "adapter")
    shutil.copy(trained.folder / "head.safetensors", written)
    manifest = {key: value for key, value in trained.manifest.items() if key not in ("format", "files")}
    seal(written, folder, {**manifest, "provenance": {"round": 4}})
    assert read_artifact(folder).manifest["provenance"] == {"round": 4}
    assert sorted(path.name for path in folder.iterdir()) == ["adapter", "head.safetensors", "manifest.json"]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
