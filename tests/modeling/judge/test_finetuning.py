"""The fine-tuning: what it reports, that it goes on where it was stopped, and what it does when memory is short."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modeling.judge.base_model import resolve_base_model
from modeling.judge.checkpoints import Checkpoint, newest_checkpoint, trained_tensors
from modeling.judge.dataset import TRAIN, Example
from modeling.judge.device import fast_half_precision
from modeling.judge.finetuning import Tuned, fine_tune
from modeling.judge.kinds import build_model
from modeling.judge.model import PairModel
from modeling.judge.spec import JudgeSpec
from modeling.judge.trainer import Keep, PairTrainer
from modeling.judge.watch import Progress, TrainingError
from tests.modeling.judge.families import make_base_model
from tests.modeling.judge.shop import LABELS, SMALL

pytestmark = pytest.mark.training

# With dropout, so that random numbers count.
TINY = replace(SMALL, lora_dropout=0.1, batch_tokens=300)


class StopHere(Exception):
    """Ends a run as if it were killed."""


@pytest.fixture(scope="module")
def bases(shop: list[Example], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Small random base models."""
    texts = [text for row in shop for text in (row.query, row.product)]
    folder = tmp_path_factory.mktemp("bases")
    return {family: str(make_base_model(folder / family, family, texts, width=32)) for family in ("bert", "llama")}


@pytest.fixture
def tiny(bases: dict[str, str]) -> JudgeSpec:
    return replace(TINY, base_model=bases["bert"])


@pytest.fixture
def rows(shop: list[Example]) -> list[Example]:
    return [row for row in shop if row.split == TRAIN][:70]


def fresh(spec: JudgeSpec) -> PairModel:
    torch.manual_seed(spec.seed)
    return build_model(spec, LABELS, resolve_base_model(spec.base_model))


def tuned(
    spec: JudgeSpec,
    rows: list[Example],
    report: Callable[[Progress], None] = lambda _progress: None,
    keep: Keep | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[dict[str, Tensor], Tuned]:
    model = fresh(spec)
    result = fine_tune(spec, model, rows, report, keep=keep, checkpoint=checkpoint)
    return {name: tensor.clone() for name, tensor in trained_tensors(model).items()}, result


def same(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def stop_at(step: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.done == step:
            raise StopHere

    return report


def test_run_reports_what_each_step_was_like(tiny: JudgeSpec, rows: list[Example]) -> None:
    reports: list[Progress] = []
    tuned(tiny, rows, reports.append)
    assert [report.done for report in reports] == list(range(1, reports[0].total + 1))
    assert all(report.loss and report.pairs_per_second and report.memory_mb for report in reports)
    assert reports[-1].seconds_left == 0
    rates = [report.learning_rate for report in reports]
    assert max(rates, key=lambda rate: rate or 0) == pytest.approx(tiny.learning_rate, rel=0.2)
    assert rates[-1] is not None
    assert rates[-1] < tiny.learning_rate / 2


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("bert", {"kind": "bi_encoder"}),
        ("bert", {"kind": "cross_encoder", "optimizer": "adamw_8bit", "max_length": 32}),
        ("llama", {"kind": "completion", "gradient_checkpointing": True, "max_length": 160, "batch_tokens": 700}),
    ],
)
def test_run_that_was_stopped_ends_with_the_same_weights(
    bases: dict[str, str], rows: list[Example], tmp_path: Path, family: str, settings: dict[str, Any]
) -> None:
    spec = replace(TINY, base_model=bases[family], schedule="cosine", prompt="", **settings)
    expected, _ = tuned(spec, rows)
    keep = Keep(tmp_path, "this", 0.0)
    for step in (3, 6):
        with pytest.raises(StopHere):
            tuned(spec, rows, stop_at(step), keep, newest_checkpoint(tmp_path, "this"))
    seen: list[Progress] = []
    last = newest_checkpoint(tmp_path, "this")
    assert last is not None
    assert last.step == 5
    again, result = tuned(spec, rows, seen.append, keep, last)
    assert same(again, expected)
    assert seen[0].done == 6
    assert result.seconds > last.state["seconds"]


def test_run_that_was_stopped_after_its_last_step_trains_no_more(
    tiny: JudgeSpec, rows: list[Example], tmp_path: Path
) -> None:
    keep = Keep(tmp_path, "this", 3600.0)
    expected, _ = tuned(tiny, rows, keep=keep)
    last = newest_checkpoint(tmp_path, "this")
    seen: list[Progress] = []
    again, _ = tuned(tiny, rows, seen.append, keep, last)
    assert same(again, expected)
    assert seen == []


def test_run_without_memory_reads_a_step_in_pieces_and_learns_the_same(
    tiny: JudgeSpec, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(tiny, lora_dropout=0.0)
    model = fresh(spec)
    result = fine_tune(spec, model, rows, lambda _progress: None, half=False)
    assert result.notes == []
    small = fresh(spec)
    whole = small.forward

    def forward(**batch: Tensor) -> dict[str, Tensor]:
        if batch["labels"].shape[0] > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(**batch)

    monkeypatch.setattr(small, "forward", forward)
    seen: list[Progress] = []
    pieces = fine_tune(spec, small, rows, seen.append, half=False)
    assert pieces.notes == [report.note for report in seen if report.note][-1:]
    assert pieces.notes[0].startswith("Out of memory: a step's 300 tokens are now read ")
    expected = trained_tensors(model)
    for name, tensor in trained_tensors(small).items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-4)


def test_run_without_memory_for_one_pair_says_so(
    tiny: JudgeSpec, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh(tiny)

    def forward(**_batch: Tensor) -> dict[str, Tensor]:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(model, "forward", forward)
    with pytest.raises(TrainingError, match=r"not enough memory for one pair of \d+ tokens: lower max_length"):
        fine_tune(tiny, model, rows, lambda _progress: None)


def test_run_ends_early_with_the_weights_of_its_best_epoch(
    tiny: JudgeSpec, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(tiny, epochs=5, early_stopping=1)
    losses = iter([0.9, 0.7, 0.8, 0.1])
    seen = []

    def weigh(trainer: PairTrainer) -> float:
        seen.append({name: tensor.clone() for name, tensor in trained_tensors(trainer.network).items()})
        return next(losses)

    monkeypatch.setattr("modeling.judge.trainer.PairTrainer.held_out_loss", weigh)
    model = fresh(spec)
    result = fine_tune(spec, model, rows, lambda _progress: None, held_out=rows[:5])
    assert result.notes == ["Stopped early after 3 of 5 epochs."]
    assert next(losses) == 0.1
    kept = trained_tensors(model)
    assert all(torch.equal(kept[name], tensor) for name, tensor in seen[1].items())
    assert not all(torch.equal(kept[name], tensor) for name, tensor in seen[2].items())


def test_run_that_goes_on_after_its_last_step_knows_how_early_stopping_weighed(
    tiny: JudgeSpec, rows: list[Example], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = replace(tiny, epochs=3, early_stopping=1)
    losses = iter([0.9, 0.7, 0.8])
    monkeypatch.setattr("modeling.judge.trainer.PairTrainer.held_out_loss", lambda _trainer: next(losses))
    model, again = fresh(spec), fresh(spec)
    keep = Keep(tmp_path, "this", 3600.0)
    fine_tune(spec, model, rows, lambda _progress: None, held_out=rows[:5], keep=keep)
    checkpoint = newest_checkpoint(tmp_path, "this", 1)
    result = fine_tune(spec, again, rows, lambda _progress: None, held_out=rows[:5], keep=keep, checkpoint=checkpoint)
    assert result.notes == ["Stopped early after 3 of 3 epochs."]
    kept, found = trained_tensors(model), trained_tensors(again)
    assert all(torch.equal(kept[name], tensor) for name, tensor in found.items())


def test_run_weighs_early_stopping_by_pairs_that_it_does_not_learn_from(
    tiny: JudgeSpec, rows: list[Example], tmp_path: Path
) -> None:
    spec = replace(tiny, epochs=1, early_stopping=1)
    model = fresh(spec)
    keep = Keep(tmp_path, "this", 3600.0)
    fine_tune(spec, model, rows[20:], lambda _progress: None, held_out=rows[:20], keep=keep)
    assert sum(tensor.abs().sum() for tensor in trained_tensors(model).values()) > 0


@pytest.mark.skipif(not fast_half_precision(torch.device("cpu")), reason="This processor has no bfloat16.")
def test_run_in_half_precision_leaves_the_base_model_as_it_was(tiny: JudgeSpec, rows: list[Example]) -> None:
    model = fresh(tiny)
    before = {name: weight.clone() for name, weight in model.named_parameters() if not weight.requires_grad}
    fine_tune(tiny, model, rows[:40], lambda _progress: None, half=True)
    after = {name: weight for name, weight in model.named_parameters() if not weight.requires_grad}
    assert {weight.dtype for weight in after.values()} == {torch.float32}
    assert model.adapted.get_base_model().config._attn_implementation == "sdpa"  # type: ignore[operator]
    assert same(before, after)


def test_run_whose_loss_is_no_number_ends_with_what_to_do(
    tiny: JudgeSpec, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh(tiny)
    whole = model.forward
    monkeypatch.setattr(model, "forward", lambda **batch: {"loss": whole(**batch)["loss"] * math.inf})
    with pytest.raises(TrainingError, match=r"The loss became (inf|nan) at step 1 of \d+: lower learning_rate and"):
        fine_tune(tiny, model, rows, lambda _progress: None)
