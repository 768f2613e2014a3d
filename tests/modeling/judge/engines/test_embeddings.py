"""Embeddings that are kept: by many processes at once, and whatever happens to one of them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from modeling.judge.engines.embeddings import Embeddings, Keys, Vectors, text_keys
from modeling.judge.engines.encoding import BiEncoderEngine
from modeling.judge.one_sequence import Sequences
from modeling.judge.scoring import Judge
from tests.modeling.judge.engines.contract import PRODUCTS, QUERIES
from tests.modeling.judge.shop import Trained

ROOT = Path(__file__).resolve().parents[4]
WIDTH = 4


def texts(first: int, last: int) -> tuple[Keys, Vectors]:
    """The keys of texts with these numbers, and embeddings that say the number."""
    keys = text_keys([f"text {number}" for number in range(first, last)])
    return keys, np.repeat(np.arange(first, last, dtype=np.float16)[:, None], WIDTH, axis=1)


def numbers(kept: Embeddings, first: int, last: int) -> list[int | None]:
    found, vectors = kept.find(texts(first, last)[0])
    assert vectors.shape == (last - first, WIDTH)
    return [int(vector[0]) if here else None for here, vector in zip(found, vectors, strict=True)]


@pytest.mark.parametrize("on_disk", [True, False])
def test_what_was_added_is_found_by_its_text(on_disk: bool, tmp_path: Path) -> None:
    kept = Embeddings(WIDTH, tmp_path / "adapter" if on_disk else None)
    assert numbers(kept, 0, 2) == [None, None]
    kept.add(*texts(0, 5))
    kept.add(*texts(9, 9))
    kept.add(*texts(7, 9))
    assert numbers(kept, 3, 10) == [3, 4, None, None, 7, 8, None]
    assert kept.find(text_keys([]))[1].shape == (0, WIDTH)


def test_another_process_and_a_restart_find_it(tmp_path: Path) -> None:
    one, other = Embeddings(WIDTH, tmp_path / "adapter"), Embeddings(WIDTH, tmp_path / "adapter")
    one.add(*texts(0, 3))
    assert numbers(other, 0, 3) == [0, 1, 2]
    other.add(*texts(3, 4))
    assert numbers(one, 2, 5) == [2, 3, None]
    assert numbers(Embeddings(WIDTH, tmp_path / "adapter"), 0, 4) == [0, 1, 2, 3]
    assert numbers(Embeddings(WIDTH, tmp_path / "another"), 0, 1) == [None]


def test_many_small_segments_become_one(tmp_path: Path) -> None:
    kept = Embeddings(WIDTH, tmp_path / "adapter")
    for number in range(40):
        kept.add(*texts(number, number + 2))
    assert len(list((tmp_path / "adapter").glob("*.keys.npy"))) <= 17
    assert numbers(kept, 0, 41) == list(range(41))
    assert numbers(Embeddings(WIDTH, tmp_path / "adapter"), 0, 42) == [*range(41), None]


def test_what_was_used_longest_ago_is_removed_first(tmp_path: Path) -> None:
    old, new = Embeddings(WIDTH, tmp_path / "old", limit=40_000), Embeddings(WIDTH, tmp_path / "new", limit=40_000)
    old.add(*texts(0, 600))
    old.add(*texts(600, 1200))
    for number, path in enumerate(sorted((tmp_path / "old").glob("*.keys.npy"), key=lambda path: path.stat().st_mtime)):
        os.utime(path, (number, number))
    assert numbers(old, 5, 6) == [5]  # so that the first one was used last
    new.add(*texts(0, 600))
    assert numbers(old, 599, 601) == [599, None]
    assert numbers(new, 599, 600) == [599]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.npy")) <= 40_000


def test_memory_is_bounded_where_there_is_no_folder() -> None:
    kept = Embeddings(WIDTH, limit=8 * WIDTH * 10)
    for number in range(0, 100, 10):
        kept.add(*texts(number, number + 10))
    assert sum(segment.vectors.nbytes for segment in kept.segments) <= 8 * WIDTH * 10
    assert numbers(kept, 95, 100) == [95, 96, 97, 98, 99]
    assert numbers(kept, 0, 1) == [None]


@pytest.mark.parametrize("damage", ["cut", "empty", "no vectors"])
def test_what_is_not_whole_counts_for_nothing(damage: str, tmp_path: Path) -> None:
    kept = Embeddings(WIDTH, tmp_path / "adapter")
    kept.add(*texts(0, 300))
    [vectors] = (tmp_path / "adapter").glob("*.vectors.npy")
    if damage == "no vectors":
        vectors.unlink()
    else:
        vectors.write_bytes(vectors.read_bytes()[: 400 if damage == "cut" else 0])
    again = Embeddings(WIDTH, tmp_path / "adapter")
    assert numbers(again, 0, 1) == [None]
    again.add(*texts(0, 2))
    assert numbers(again, 0, 3) == [0, 1, None]


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Embeddings(WIDTH, tmp_path / "adapter")
    for name in ("a.vectors.new", "b.vectors.npy"):
        (tmp_path / "adapter" / name).write_bytes(b"half")
    kept.add(*texts(0, 2))
    assert (tmp_path / "adapter" / "b.vectors.npy").exists()  # somebody may be about to write its keys
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    remaining = Embeddings(WIDTH, tmp_path / "adapter")
    remaining.add(*texts(2, 4))
    assert sorted(path.suffix for path in (tmp_path / "adapter").iterdir()) == [".npy"] * 4
    assert numbers(remaining, 0, 4) == [0, 1, 2, 3]


WRITER = f"""
import sys
from pathlib import Path
import numpy as np
from modeling.judge.engines.embeddings import Embeddings, text_keys

kept, first = Embeddings({WIDTH}, Path(sys.argv[1])), int(sys.argv[2])
for number in range(first, first + 30):
    kept.add(text_keys([f"text {{number}}"]), np.full((1, {WIDTH}), number, dtype=np.float16))
    found, vectors = kept.find(text_keys([f"text {{one}}" for one in range(first, number + 1)]))
    assert found.all() and vectors[:, 0].tolist() == list(range(first, number + 1))
"""


def test_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "adapter")]
    running = [subprocess.Popen([*command, str(20 * one)], cwd=ROOT) for one in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert numbers(Embeddings(WIDTH, tmp_path / "adapter"), 0, 70) == list(range(70))


@pytest.mark.training
def test_next_shard_and_a_restart_embed_only_new_texts(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[int] = []

    def counted(judge: Judge) -> Judge:
        assert isinstance(judge.engine, BiEncoderEngine)
        encode = judge.engine.encode

        def counting(sequences: Sequences) -> Tensor:
            embedded.append(len(sequences["input_ids"]))
            return encode(sequences)

        monkeypatch.setattr(judge.engine, "encode", counting)
        return judge

    first = counted(Judge.load(trained.folder, engine="auto", cache=tmp_path))
    said = first.probabilities(QUERIES[:100], PRODUCTS[:100])
    assert sum(embedded) == len({*QUERIES[:100], *PRODUCTS[:100]})
    assert np.array_equal(first.probabilities(QUERIES[:100], PRODUCTS[:100]), said)
    again = counted(Judge.load(trained.folder, engine="auto", cache=tmp_path))
    assert np.array_equal(again.probabilities(QUERIES[:100], PRODUCTS[:100]), said)
    assert sum(embedded) == len({*QUERIES[:100], *PRODUCTS[:100]})
    again.probabilities(["a new one"], PRODUCTS[:1])
    assert sum(embedded) == len({*QUERIES[:100], *PRODUCTS[:100]}) + 1
