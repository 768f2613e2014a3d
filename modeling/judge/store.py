"""Adapters in a folder, or behind a URL that fsspec knows, such as s3://bucket/winnow/adapters/job-7.

Behind a URL an artifact's files lie in a folder named by their checksums, with manifest.json beside it. That is
written last and in one step: whoever reads finds the old artifact, none, or the new one, never a part. Loads no torch.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from modeling.judge.artifact import (
    MANIFEST,
    CorruptArtifact,
    IncompatibleArtifact,
    files_of,
    new_folder_beside,
    parse_manifest,
    read_artifact,
)

# A copy that nobody has asked for in so long is removed from the cache.
_CACHED_SECONDS = 7 * 24 * 3600


class StoreError(RuntimeError):
    """A place for artifacts that cannot be reached, read or written: names the URL and the reason."""


def is_url(location: str) -> bool:
    """Whether an artifact lies behind a URL, and not in a folder."""
    return "://" in location


def publish(folder: Path, url: str) -> None:
    """Copy the artifact in a folder to a URL. CorruptArtifact, IncompatibleArtifact, StoreError."""
    manifest = read_artifact(folder).manifest
    with _reached(url) as (files, root):
        before = _present(files, root)
        content = f"{root}/{_content(manifest)}"
        for name in manifest["files"]:
            files.put_file(str(folder / name), f"{content}/{name}")
        # Not every store writes a file in one step; they all move one so.
        files.put_file(str(folder / MANIFEST), f"{content}/{MANIFEST}")
        files.mv(f"{content}/{MANIFEST}", f"{root}/{MANIFEST}")
        if before is not None and _content(before) != _content(manifest):
            files.rm(f"{root}/{_content(before)}", recursive=True)


def fetch(url: str, cache: Path) -> Path:
    """The folder below `cache` with the artifact behind a URL, copied there unless it is there already.

    CorruptArtifact where there is none or it arrived damaged, IncompatibleArtifact, StoreError. Any number of
    processes may fetch at once. Copies that nobody has asked for in a week are removed.
    """
    with _reached(url) as (files, root):
        try:
            folder = _fetch(files, root, url, cache)
        except FileNotFoundError:
            # It was replaced between its manifest and its files.
            folder = _fetch(files, root, url, cache)
    _forget_old(cache)
    return folder


def local_folder(location: str, cache: Path) -> Path:
    """The folder to load an adapter from: its own, or the copy of what lies behind its URL. Errors as fetch."""
    return fetch(location, cache) if is_url(location) else Path(location)


def remove(location: str) -> None:
    """Remove an artifact from its folder or URL, the manifest first; what is not there is removed already."""
    if not is_url(location):
        (Path(location) / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(location, ignore_errors=True)
        return
    with _reached(location) as (files, root):
        for place in (f"{root}/{MANIFEST}", root):
            files.invalidate_cache()
            if files.exists(place):
                files.rm(place, recursive=True)


def _fetch(files: Any, root: str, url: str, cache: Path) -> Path:
    try:
        text: bytes = files.cat_file(f"{root}/{MANIFEST}")
    except FileNotFoundError as error:
        raise CorruptArtifact(f"{url}/{MANIFEST}: there is no such file, so this is no adapter's place") from error
    manifest = parse_manifest(text, f"{url}/{MANIFEST}")
    folder = cache / hashlib.sha256(url.encode() + b"\n" + text).hexdigest()[:32]
    if _whole(folder):
        os.utime(folder)
        return folder
    made = new_folder_beside(folder)
    try:
        (made / MANIFEST).write_bytes(text)
        for name in files_of("cross_encoder"):
            if name in (manifest.get("files") or {}):
                (made / name).parent.mkdir(exist_ok=True)
                files.get_file(f"{root}/{_content(manifest)}/{name}", str(made / name))
        try:
            read_artifact(made)
        except CorruptArtifact as error:
            raise CorruptArtifact(str(error).replace(str(made), url)) from error
        except IncompatibleArtifact as error:
            raise IncompatibleArtifact(str(error).replace(str(made), url)) from error
        _put_in_place(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _put_in_place(made: Path, folder: Path) -> None:
    """Move a whole artifact to its place in the cache, unless another process was faster."""
    if _whole(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        made.rename(folder)
    except OSError:
        if not _whole(folder):
            raise


def _whole(folder: Path) -> bool:
    try:
        read_artifact(folder)
    except (CorruptArtifact, IncompatibleArtifact):
        return False
    return True


def _forget_old(cache: Path) -> None:
    now = time.time()
    for copy in cache.iterdir():
        try:
            if now - copy.stat().st_mtime > _CACHED_SECONDS:
                shutil.rmtree(copy, ignore_errors=True)
        except FileNotFoundError:
            continue


def _present(files: Any, root: str) -> Mapping[str, Any] | None:
    """The manifest of what is at a place now, None where there is none that can be read."""
    try:
        return parse_manifest(files.cat_file(f"{root}/{MANIFEST}"), root)
    except (FileNotFoundError, CorruptArtifact):
        return None


def _content(manifest: Mapping[str, Any]) -> str:
    """The name of the folder that holds an artifact's files: another one for any other byte of them."""
    return hashlib.sha256(json.dumps(manifest.get("files"), sort_keys=True).encode()).hexdigest()[:32]


@contextmanager
def _reached(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL and the path in it; whatever goes wrong there becomes a StoreError."""
    try:
        # Folders are a matter of the local disk; a bucket has none.
        settings = {"auto_mkdir": True} if url.startswith(("file:", "local:")) else {}
        files, root = fsspec.url_to_fs(url, **settings)
        yield files, root.rstrip("/")
    except (CorruptArtifact, IncompatibleArtifact, StoreError):
        raise
    except ImportError as error:
        raise StoreError(f"{url}: {error}. Install what fsspec needs for it, for s3:// the package s3fs.") from error
    except Exception as error:
        raise StoreError(f"{url}: {type(error).__name__}: {error}") from error
