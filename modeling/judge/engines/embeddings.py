"""Embeddings that were computed once: found again by their text, in this process, in others and after a restart.

On disk they are in segments: two .npy files, the texts' hashes in rising order and the embeddings in the same order. A
segment never changes. Its hashes are moved to their name last and in one step, so that it is whole or not there,
whoever writes, and whenever anybody is killed. Many small segments are merged into one by whoever gets the lock. The
segments that nobody has used for longest are removed when all of them together are above the limit.
"""

import fcntl
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Keys = NDArray[np.uint64]
Vectors = NDArray[np.float16]

# Bytes that are kept: in this process where there is no folder, and on disk of all adapters together.
IN_MEMORY = 512 * 1024**2
ON_DISK = 8 * 1024**3
# More segments of one adapter than this are merged, as every one is looked through.
_SEGMENTS = 16
_UNFINISHED_SECONDS = 3600
_KEYS, _VECTORS = ".keys.npy", ".vectors.npy"


def text_keys(texts: Sequence[str]) -> Keys:
    """128 bits of each text, (texts, 2): two texts have the same ones about never."""
    joined = b"".join(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts)
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2).astype(np.uint64)


@dataclass(frozen=True)
class _Segment:
    """`first` has the first half of each hash in rising order, `second` the other half, `vectors` the embeddings."""

    first: Keys
    second: Keys
    vectors: Vectors
    name: str = ""

    def rows(self, keys: Keys) -> NDArray[np.int64]:
        """The row of each key (keys, 2), -1 where it is not here."""
        if not len(self.first):
            return np.full(len(keys), -1)
        rows = np.minimum(np.searchsorted(self.first, keys[:, 0]), len(self.first) - 1)
        same = (self.first[rows] == keys[:, 0]) & (self.second[rows] == keys[:, 1])
        return np.where(same, rows, -1)


class Embeddings:
    """What is kept for one adapter: embeddings (texts, width) in half precision, below `folder` or in memory.

    Any number of processes may read and write one folder. `limit` are the bytes of all folders beside it together, or
    of this process's memory where the folder is None.
    """

    def __init__(self, width: int, folder: Path | None = None, limit: int | None = None) -> None:
        self.width = width
        self.folder = folder
        self.limit = limit if limit is not None else (ON_DISK if folder else IN_MEMORY)
        self.segments: list[_Segment] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, keys: Keys) -> tuple[NDArray[np.bool_], Vectors]:
        """Which of the keys (texts, 2) are kept, and the embeddings (texts, width), of the others without meaning."""
        self._look()
        found = np.zeros(len(keys), dtype=bool)
        vectors = np.zeros((len(keys), self.width), dtype=np.float16)
        for segment in self.segments:
            open_ = np.flatnonzero(~found)
            if not len(open_):
                break
            rows = segment.rows(keys[open_])
            here = rows >= 0
            if here.any():
                vectors[open_[here]] = segment.vectors[rows[here]]
                found[open_[here]] = True
                self._used(segment)
        return found, vectors

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Keep embeddings (texts, width) under their keys (texts, 2)."""
        if not len(keys):
            return
        order = np.argsort(keys[:, 0], kind="stable")
        ordered = np.ascontiguousarray(keys[order].T)
        segment = _Segment(ordered[0], ordered[1], np.ascontiguousarray(vectors[order], dtype=np.float16))
        if self.folder is not None:
            self._write(self.folder, segment)
            self._tidy(self.folder)
            return
        self.segments.append(segment)
        while sum(one.vectors.nbytes for one in self.segments) > self.limit and len(self.segments) > 1:
            self.segments.pop(0)

    def _look(self) -> None:
        """Open the segments that others have written, and let go of those that were removed."""
        if self.folder is None:
            return
        there = {path.name.removesuffix(_KEYS) for path in self.folder.glob(f"*{_KEYS}")}
        kept = [segment for segment in self.segments if segment.name in there]
        new = there - {segment.name for segment in kept}
        self.segments = [
            *kept,
            *[found for name in sorted(new) if (found := self._opened(self.folder, name)) is not None],
        ]

    def _opened(self, folder: Path, name: str) -> _Segment | None:
        try:
            keys = np.load(folder / f"{name}{_KEYS}", mmap_mode="r", allow_pickle=False)
            vectors = np.load(folder / f"{name}{_VECTORS}", mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            return None  # removed since it was listed, or only half of it was
        except (ValueError, EOFError) as error:
            logger.warning("%s is not whole and is removed: %s", folder / name, error)
            _remove(folder, name)
            return None
        if keys.shape != (2, len(vectors)) or vectors.shape[1:] != (self.width,):
            logger.warning("%s is not as expected and is removed.", folder / name)
            _remove(folder, name)
            return None
        return _Segment(keys[0], keys[1], vectors, name)

    def _used(self, segment: _Segment) -> None:
        if self.folder is not None:
            with suppress(FileNotFoundError):
                os.utime(self.folder / f"{segment.name}{_KEYS}")

    def _write(self, folder: Path, segment: _Segment) -> None:
        name = uuid.uuid4().hex
        _save(folder / f"{name}{_VECTORS}", segment.vectors)
        _save(folder / f"{name}{_KEYS}", np.stack([segment.first, segment.second]))
        written = self._opened(folder, name)
        if written is not None:
            self.segments.append(written)

    def _tidy(self, folder: Path) -> None:
        """Merge small segments and remove old ones, unless another process is at it."""
        with _alone(folder.parent) as alone:
            if not alone:
                return
            self._look()
            if len(self.segments) > _SEGMENTS:
                self._merge(folder, sorted(self.segments, key=lambda segment: len(segment.first))[:_SEGMENTS])
            remove_unused(folder.parent, self.limit)

    def _merge(self, folder: Path, segments: Sequence[_Segment]) -> None:
        keys = np.concatenate([np.stack([one.first, one.second], axis=1) for one in segments])
        once = np.unique(keys, axis=0, return_index=True)[1]
        vectors = np.concatenate([one.vectors for one in segments])[once]
        merged = replace(segments[0], first=keys[once, 0], second=keys[once, 1], vectors=vectors)
        self._write(folder, merged)
        for segment in segments:
            _remove(folder, segment.name)


def remove_unused(root: Path, limit: int) -> None:
    """Remove the segments in the folders below `root` that were used longest ago, until `limit` bytes are left."""
    for path in (*root.glob("*/*.new"), *root.glob(f"*/*{_VECTORS}")):
        with suppress(FileNotFoundError):
            # What a killed process has left: nobody takes so long from one file to the other.
            whole = path.with_name(path.name.replace(_VECTORS, _KEYS)).exists() and path.suffix != ".new"
            if not whole and time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                path.unlink()
    found = []
    for path in root.glob(f"*/*{_KEYS}"):
        with suppress(FileNotFoundError):
            vectors = path.with_name(path.name.removesuffix(_KEYS) + _VECTORS)
            found.append((path.stat().st_mtime, path.stat().st_size + vectors.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            break
        _remove(path.parent, path.name.removesuffix(_KEYS))
        total -= size


def _remove(folder: Path, name: str) -> None:
    # The hashes first: what has none is not there.
    (folder / f"{name}{_KEYS}").unlink(missing_ok=True)
    (folder / f"{name}{_VECTORS}").unlink(missing_ok=True)


def _save(path: Path, array: NDArray[np.generic]) -> None:
    """Write an array so that it is whole under its name, or not there, also after the power fails."""
    unfinished = path.with_suffix(".new")
    with unfinished.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


@contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Whether this process is the only one that tidies the folders below `root` while the context lasts."""
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
