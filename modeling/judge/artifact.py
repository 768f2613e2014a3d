"""An adapter on disk: a folder that says everything about its making and proves that it is whole.

Loads no torch, so that any worker can look at one, move it or remove it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.judge.checksum import file_sha256
from modeling.judge.prompts import PROMPT_VERSION
from modeling.judge.spec import JudgeSpec, SpecError

FORMAT = 2
MANIFEST = "manifest.json"
# PEFT's own layout, so that the folder can be opened by PEFT alone.
ADAPTER_FOLDER = "adapter"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
HEAD_WEIGHTS = "head.safetensors"


def files_of(kind: str) -> tuple[str, ...]:
    """What an artifact holds beside its manifest; a completion has no head."""
    adapter = (f"{ADAPTER_FOLDER}/{ADAPTER_CONFIG}", f"{ADAPTER_FOLDER}/{ADAPTER_WEIGHTS}")
    return adapter if kind == "completion" else (*adapter, HEAD_WEIGHTS)


class CorruptArtifact(ValueError):
    """The folder is not what was written: a file is missing, cut off or changed."""


class IncompatibleArtifact(ValueError):
    """The folder is whole, but this version of Winnow or this base model cannot use it."""


@dataclass(frozen=True)
class Artifact:
    """A folder that was read and checked."""

    folder: Path
    spec: JudgeSpec
    labels: tuple[str, ...]
    manifest: dict[str, Any]


def new_folder_beside(target: Path) -> Path:
    """An empty folder on the target's file system, for seal to move into place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))


def seal(written: Path, target: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Add the manifest with its checksums to what weights.py wrote, and move it to `target` in one step.

    An artifact that is at the target already is replaced. Returns the whole manifest. Whoever looks sees the
    old folder, none, or the new one, never a part of it.
    """
    names = files_of(manifest["spec"]["kind"])
    sealed = {"format": FORMAT, **manifest, "files": {name: file_sha256(written / name) for name in names}}
    text = json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    (written / MANIFEST).write_text(text + "\n", encoding="utf-8")
    # Every worker reads it, whichever user it runs as; temporary folders and safetensors are for their maker only.
    for name in (*names, MANIFEST):
        (written / name).chmod(0o644)
    written.chmod(0o755)
    for name in (*names, MANIFEST, ADAPTER_FOLDER, "."):
        _flush(written / name)
    if target.exists():
        old = new_folder_beside(target)
        target.rename(old / target.name)
        written.rename(target)
        shutil.rmtree(old)
    else:
        written.rename(target)
    _flush(target.parent)
    return sealed


def read_artifact(folder: Path) -> Artifact:
    """Read a folder that seal wrote and check every byte of it. CorruptArtifact, IncompatibleArtifact."""
    manifest = _read_manifest(folder)
    if manifest.get("format") != FORMAT:
        raise IncompatibleArtifact(
            f"{folder}: has format {manifest.get('format')!r}, this version reads {FORMAT}: train again"
        )
    try:
        files, settings, labels = manifest["files"], manifest["spec"], tuple(manifest["labels"])
        prompt_version = manifest["prompt_version"]
    except KeyError as error:
        raise CorruptArtifact(f"{folder / MANIFEST}: has no {error}: restore the folder or train again") from error
    if prompt_version != PROMPT_VERSION:
        raise IncompatibleArtifact(
            f"{folder}: learned from texts of version {prompt_version}, now they are {PROMPT_VERSION}: train again"
        )
    try:
        spec = JudgeSpec.from_dict(settings)
    except SpecError as error:
        raise IncompatibleArtifact(f"{folder}: has a setting that is not known here: {error}") from error
    _check_files(folder, spec.kind, files)
    return Artifact(folder=folder, spec=spec, labels=labels, manifest=manifest)


def identity(artifact: Artifact) -> str:
    """What changes with everything that decides what the judge says before calibration: 32 hexadecimal digits."""
    decides = [artifact.manifest[name] for name in ("files", "base_model_sha256", "spec", "labels", "prompt_version")]
    text = json.dumps([*decides, artifact.manifest.get("guideline", "")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def parse_manifest(text: bytes, place: str) -> dict[str, Any]:
    """The JSON object of a manifest; CorruptArtifact names the place where it is not one."""
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise CorruptArtifact(f"{place}: is not JSON: {error}: restore the folder or train again") from error
    if not isinstance(manifest, dict):
        raise CorruptArtifact(f"{place}: expected an object, got {type(manifest).__name__}")
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptArtifact(f"{path}: there is no such file, so this is no adapter's folder") from error
    return parse_manifest(text, str(path))


def _check_files(folder: Path, kind: str, checksums: Mapping[str, str]) -> None:
    for name in files_of(kind):
        expected = checksums.get(name)
        found = file_sha256(folder / name) if (folder / name).is_file() else "no file"
        if found != expected:
            raise CorruptArtifact(
                f"{folder / name}: expected SHA-256 {expected}, got {found}: restore the folder or train again"
            )


def _flush(path: Path) -> None:
    """Wait until a file or a folder's list of names is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
