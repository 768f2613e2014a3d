"""The fine-tuning itself: transformers' Trainer over the batches that a model collates."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling.judge.dataset import Example
from modeling.judge.device import best_device, fast_half_precision
from modeling.judge.model import PairModel
from modeling.judge.spec import JudgeSpec


class TrainingError(RuntimeError):
    """A run that came to nothing although its spec and pairs were in order."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` steps of a phase, with the last step's loss where there is one."""

    phase: str
    done: int
    total: int
    loss: float | None = None


Report = Callable[[Progress], None]


def fine_tune(spec: JudgeSpec, model: PairModel, rows: Sequence[Example], report: Report) -> float:
    """Train the model's updates and head in place; returns the seconds it took. TrainingError."""
    device = best_device()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=spec.epochs,
            per_device_train_batch_size=_pairs_a_step(spec, model, rows),
            warmup_steps=spec.warmup,
            seed=spec.seed,
            data_seed=spec.seed,
            bf16=device.type == "cuda" and fast_half_precision(device),
            use_cpu=device.type == "cpu",
            dataloader_pin_memory=device.type == "cuda",
            remove_unused_columns=False,
            save_strategy="no",
            logging_steps=1,
            logging_nan_inf_filter=False,
            report_to="none",
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=_Rows(rows),
            data_collator=model.collate,
            optimizers=(
                torch.optim.AdamW(model.parameter_groups(spec), weight_decay=spec.weight_decay, fused=True),
                None,
            ),
            callbacks=[_Watch(report)],
        )
        # It prints every loss to standard output, which is not the Trainer's.
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return round(time.monotonic() - started, 1)


def _pairs_a_step(spec: JudgeSpec, model: PairModel, rows: Sequence[Example]) -> int:
    """As many pairs of the usual length as make the tokens of a step; the usual one from 1,000 pairs."""
    some = rows[:: max(1, len(rows) // 1000)]
    return max(1, round(spec.batch_tokens * len(some) / sum(model.lengths(some))))


class _Rows(Dataset[Example]):
    """The training split as the Trainer asks for it."""

    def __init__(self, rows: Sequence[Example]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Example:
        return self.rows[number]


class _Watch(TrainerCallback):
    """Reports every step, and ends a run whose loss is no number."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002  # the Trainer names it
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002  # the Trainer names it
        **kwargs: Any,
    ) -> None:
        loss = (kwargs.get("logs") or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} at step {state.global_step} of {state.max_steps}: "
                "lower learning_rate and head_learning_rate."
            )
        self.report(Progress("train", state.global_step, state.max_steps, loss))
