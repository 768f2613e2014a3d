import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from modeling.judge import store
from modeling.judge.artifact import CorruptArtifact, IncompatibleArtifact, files_of, read_artifact
from modeling.judge.checksum import file_sha256
from modeling.judge.spec import JudgeSpec
from modeling.judge.store import StoreError, fetch, is_url, local_folder, publish, remove


def make_artifact(folder: Path, content: bytes = b"weights", kind: str = "bi_encoder") -> Path:
    """A folder that is whole to its last byte, although no model can be made of it."""
    for name in files_of(kind):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content + name.encode())
    manifest = {
        "format": 2,
        "spec": JudgeSpec(kind=kind).to_dict(),
        "labels": ["exact", "irrelevant"],
        "prompt_version": "bi-encoder-1",
        "files": {name: file_sha256(folder / name) for name in files_of(kind)},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"file://{tmp_path}/bucket/winnow/job-7"
    else:
        yield "memory://bucket/winnow/job-7"
        fsspec.filesystem("memory").store.clear()


def listing(url: str) -> list[str]:
    files, root = fsspec.url_to_fs(url)
    return sorted(path.removeprefix(root).lstrip("/") for path in files.find(root))


def test_location_is_a_url_or_a_folder() -> None:
    assert is_url("s3://bucket/adapters/job-7")
    assert not is_url("/data/adapters/job-7")
    assert not is_url("adapters/job-7")


def test_artifact_is_loaded_from_its_own_folder_or_from_a_copy(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "made")
    publish(folder, f"file://{tmp_path}/bucket/job-7")
    assert local_folder(str(folder), tmp_path / "cache") == folder
    assert local_folder(f"file://{tmp_path}/bucket/job-7", tmp_path / "cache").parent == tmp_path / "cache"


@pytest.mark.parametrize("kind", ["bi_encoder", "completion"])
def test_artifact_comes_back_from_a_url_as_it_was(url: str, tmp_path: Path, kind: str) -> None:
    folder = make_artifact(tmp_path / "made", kind=kind)
    publish(folder, url)
    fetched = fetch(url, tmp_path / "cache")
    assert read_artifact(fetched).manifest == read_artifact(folder).manifest
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(fetched)) for path in fetched.rglob("*") if path.is_file()) == names
    assert all((fetched / name).read_bytes() == (folder / name).read_bytes() for name in names)


def test_artifact_is_fetched_once(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(make_artifact(tmp_path / "made"), url)
    first = fetch(url, tmp_path / "cache")
    monkeypatch.setattr(type(fsspec.url_to_fs(url)[0]), "get_file", None)
    assert fetch(url, tmp_path / "cache") == first


def test_artifact_replaces_another_at_its_url(url: str, tmp_path: Path) -> None:
    publish(make_artifact(tmp_path / "old", b"old"), url)
    old = fetch(url, tmp_path / "cache")
    publish(make_artifact(tmp_path / "new", b"new"), url)
    new = fetch(url, tmp_path / "cache")
    assert (new / "head.safetensors").read_bytes().startswith(b"new")
    assert (old / "head.safetensors").read_bytes().startswith(b"old")
    assert len(listing(url)) == 4
    publish(tmp_path / "new", url)  # once more changes nothing
    assert fetch(url, tmp_path / "cache") == new
    assert len(listing(url)) == 4


def test_nobody_sees_a_part_of_what_is_being_published(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(make_artifact(tmp_path / "old", b"old"), url)
    files, _root = fsspec.url_to_fs(url)
    seen: list[bytes] = []

    def watched(name: str) -> Any:
        plain = getattr(type(files), name)

        def call(self: Any, *args: Any, **settings: Any) -> Any:
            made = plain(self, *args, **settings)
            seen.append((fetch(url, tmp_path / f"cache-{len(seen)}") / "head.safetensors").read_bytes()[:3])
            return made

        return call

    new = make_artifact(tmp_path / "new", b"new")
    with monkeypatch.context() as patch:
        for name in ("put_file", "mv"):
            patch.setattr(type(files), name, watched(name))
        publish(new, url)
    assert seen[:4] == [b"old"] * 4
    assert seen[-1] == b"new"


def test_publishing_that_is_cut_off_leaves_what_was_there(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = make_artifact(tmp_path / "new", b"new")
    files, _root = fsspec.url_to_fs(url)

    def cut_off(*_args: Any, **_settings: Any) -> None:
        raise OSError("the line is dead")

    with monkeypatch.context() as patch:
        patch.setattr(type(files), "mv", cut_off)
        with pytest.raises(StoreError, match=r"job-7: OSError: the line is dead"):
            publish(new, url)
    with pytest.raises(CorruptArtifact, match=r"job-7/manifest\.json: there is no such file"):
        fetch(url, tmp_path / "cache")
    publish(new, url)
    assert (fetch(url, tmp_path / "cache") / "head.safetensors").read_bytes().startswith(b"new")


def test_artifact_that_is_damaged_behind_its_url_is_corrupt_and_not_kept(url: str, tmp_path: Path) -> None:
    publish(make_artifact(tmp_path / "made"), url)
    files, root = fsspec.url_to_fs(url)
    [head] = [path for path in files.find(root) if path.endswith("head.safetensors")]
    files.pipe_file(head, b"damaged")
    with pytest.raises(CorruptArtifact, match=r"job-7/head\.safetensors: expected SHA-256"):
        fetch(url, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    files.pipe_file(f"{root}/manifest.json", b"{")
    with pytest.raises(CorruptArtifact, match=r"job-7/manifest\.json: is not JSON"):
        fetch(url, tmp_path / "cache")


def test_artifact_of_another_format_behind_a_url_is_incompatible(url: str, tmp_path: Path) -> None:
    publish(make_artifact(tmp_path / "made"), url)
    files, root = fsspec.url_to_fs(url)
    manifest = json.loads(files.cat_file(f"{root}/manifest.json"))
    files.pipe_file(f"{root}/manifest.json", json.dumps(manifest | {"format": 1}).encode())
    with pytest.raises(IncompatibleArtifact, match=r"job-7: has format 1, this version reads 2: train again"):
        fetch(url, tmp_path / "cache")


def test_copy_that_was_damaged_in_the_cache_is_fetched_again(url: str, tmp_path: Path) -> None:
    publish(make_artifact(tmp_path / "made"), url)
    folder = fetch(url, tmp_path / "cache")
    (folder / "head.safetensors").write_bytes(b"damaged")
    assert (fetch(url, tmp_path / "cache") / "head.safetensors").read_bytes().startswith(b"weights")


def test_copies_that_nobody_asks_for_are_removed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        publish(make_artifact(tmp_path / name, name.encode()), f"file://{tmp_path}/bucket/{name}")
    one, two = (fetch(f"file://{tmp_path}/bucket/{name}", tmp_path / "cache") for name in ("one", "two"))
    eight_days_ago = time.time() - 8 * 24 * 3600
    for folder in (one, two):
        os.utime(folder, (eight_days_ago, eight_days_ago))
    assert fetch(f"file://{tmp_path}/bucket/one", tmp_path / "cache") == one
    assert one.is_dir()
    assert not two.exists()


def test_artifact_is_fetched_by_many_at_once(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/bucket/job-7"
    publish(make_artifact(tmp_path / "made", b"weights" * 100_000), url)
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(fetch(url, tmp_path / "cache"))) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 8
    [only] = set(folders)
    read_artifact(only)
    assert list((tmp_path / "cache").iterdir()) == [only]


def test_removed_artifact_is_gone_and_its_neighbour_stays(url: str, tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "made")
    for place in (url, f"{url}-b"):
        publish(folder, place)
    remove(url)
    assert listing(url) == []
    with pytest.raises(CorruptArtifact, match="there is no such file"):
        fetch(url, tmp_path / "cache")
    assert fetch(f"{url}-b", tmp_path / "cache").is_dir()
    remove(url)  # a second time finds nothing
    shutil.copytree(folder, tmp_path / "other")
    remove(str(tmp_path / "other"))
    remove(str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_artifact_that_is_damaged_is_not_published(tmp_path: Path) -> None:
    folder = make_artifact(tmp_path / "made")
    (folder / "head.safetensors").write_bytes(b"damaged")
    with pytest.raises(CorruptArtifact, match="head"):
        publish(folder, f"file://{tmp_path}/bucket/job-7")
    assert not (tmp_path / "bucket").exists()


def test_url_of_an_unknown_kind_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere://bucket/x: ValueError: Protocol not known: nowhere"):
        fetch("nowhere://bucket/x", tmp_path)


def test_store_loads_no_torch() -> None:
    code = f"import sys, {store.__name__}; sys.exit('torch' in sys.modules or 'peft' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
