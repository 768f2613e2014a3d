"""The fine-tuning itself: transformers' Trainer over steps of one length, which goes on where it was stopped."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling.judge.checkpoints import Checkpoint, trained_tensors
from modeling.judge.dataset import Example
from modeling.judge.device import best_device, fast_half_precision
from modeling.judge.model import PairModel
from modeling.judge.spec import JudgeSpec
from modeling.judge.trainer import Keep, PairTrainer
from modeling.judge.watch import Progress, Report, TrainingError, memory_mb

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
# Writing checkpoints takes no more than a fiftieth of the time.
_CHECKPOINT_SHARE = 50


@dataclass
class Tuned:
    """What a run leaves beside the model: its seconds, what a person should know, the weights of a sharded model.

    `weights` is None where the model itself holds them.
    """

    seconds: float
    notes: list[str] = field(default_factory=list)
    weights: dict[str, Tensor] | None = None


def fine_tune(
    spec: JudgeSpec,
    model: PairModel,
    rows: Sequence[Example],
    report: Report,
    *,
    held_out: Sequence[Example] = (),
    keep: Keep | None = None,
    checkpoint: Checkpoint | None = None,
    half: bool | None = None,
) -> Tuned:
    """Train the model's updates and head in place. TrainingError.

    The model goes on from `checkpoint`, one that a run of the same making kept, and ends as if it had never stopped.
    `held_out` pairs decide when early stopping ends the run. `half` says whether to multiply in bfloat16; by default
    where the processor does it in hardware.
    """
    device = best_device()
    half = fast_half_precision(device) if half is None else half
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=spec.epochs,
            lr_scheduler_type=_SCHEDULES[spec.schedule],
            warmup_steps=spec.warmup,
            seed=spec.seed,
            data_seed=spec.seed,
            bf16=half,
            use_cpu=device.type == "cpu",
            ddp_find_unused_parameters=False,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            save_strategy="no",
            logging_steps=1,
            logging_nan_inf_filter=False,
            report_to=list(spec.report_to) or "none",
            disable_tqdm=True,
        )
        trainer = PairTrainer(spec, model, rows, held_out, keep, checkpoint, arguments)
        trainer.add_callback(_Watch(trainer, report))
        # It prints every loss to standard output, which is not the Trainer's.
        trainer.remove_callback(PrinterCallback)
        alone = trainer.args.world_size == 1
        with _lean_forward(model) if half and alone and not trainer.stopped else nullcontext():
            if not trainer.stopped:
                trainer.train(resume_from_checkpoint=str(checkpoint.folder) if checkpoint else None)
    trainer.take_the_best()
    _check_weights(trainer.network)
    return Tuned(round(trainer.seconds(), 1), trainer.notes, _whole_weights(trainer.network))


class _Watch(TrainerCallback):
    """Reports every step, decides when to keep a checkpoint, and ends a run that has lost its way."""

    def __init__(self, trainer: PairTrainer, report: Report) -> None:
        self.trainer, self.report = trainer, report
        self.kept_at = self.next_at = 0.0
        self.told: list[str] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.trainer.pace.begin()
        self._plan_next(0.0)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        trainer = self.trainer
        trainer.pace.step(trainer.pairs_done, trainer.tokens_done)
        if trainer.weigh_stopping():  # before the checkpoint, which so knows of it
            control.should_training_stop = True
            trainer.notes.append(f"Stopped early after {state.epoch:.0f} of {args.num_train_epochs:.0f} epochs.")
        last = state.global_step >= state.max_steps or trainer.stopped
        if trainer.keep is not None and (last or self._is_time(args)):
            self.kept_at = time.monotonic()
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._plan_next(time.monotonic() - self.kept_at)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        logs = kwargs.get("logs") or {}
        # It would be written with every checkpoint.
        state.log_history.clear()
        loss = logs.get("loss")
        if loss is None:
            return
        self.trainer.losses.check(loss, state.global_step, state.max_steps)
        speed, left = self.trainer.pace.measured()
        note = next((note for note in self.trainer.notes if note not in self.told), None)
        self.told += [note] if note else []
        self.report(
            Progress(
                "train",
                state.global_step,
                state.max_steps,
                loss,
                logs.get("learning_rate"),
                speed,
                memory_mb(),
                left,
                note,
            )
        )

    def _is_time(self, args: TrainingArguments) -> bool:
        """Whether a checkpoint is due; the first process decides for all."""
        due = torch.tensor(time.monotonic() >= self.next_at, device=args.device, dtype=torch.int32)
        if args.world_size > 1:
            torch.distributed.broadcast(due, 0)
        return bool(due)

    def _plan_next(self, took: float) -> None:
        keep = self.trainer.keep
        if keep is not None and keep.seconds:
            self.next_at = time.monotonic() + max(keep.seconds, _CHECKPOINT_SHARE * took)


@contextmanager
def _lean_forward(model: PairModel) -> Iterator[None]:
    """Multiply in bfloat16 without casting over and over; the model comes back as it was.

    Frozen matrices are held in bfloat16, which autocast would make of them anew in every forward pass, and PEFT no
    longer casts inputs to float32 for autocast to cast them back. What a layer norm gives is rounded once, and not by
    each matrix that reads it. On a CPU attention is computed step by step, because torch's fused kernel takes six
    times as long for its gradient in bfloat16.
    """
    kept: list[tuple[nn.Linear, Tensor]] = []
    for layer in model.modules():
        base = layer.base_layer if isinstance(layer, BaseTunerLayer) else None
        if type(base) is nn.Linear and not base.weight.requires_grad and base.weight.dtype == torch.float32:
            kept.append((base, base.weight.data))
            base.weight.data = base.weight.data.bfloat16()
    hooks = [
        norm.register_forward_hook(lambda _norm, _inputs, states: states.bfloat16())
        for norm in model.modules()
        if isinstance(norm, nn.LayerNorm)
    ]
    try:
        with disable_input_dtype_casting(model), _attention_in_steps(model):
            yield
    finally:
        for hook in hooks:
            hook.remove()
        for base, weight in kept:
            base.weight.data = weight.to(base.weight.device)


@contextmanager
def _attention_in_steps(model: PairModel) -> Iterator[None]:
    network: Any = model.adapted
    network = network.get_base_model() if hasattr(network, "get_base_model") else network
    usual = network.config._attn_implementation  # where transformers keeps it
    if model.device.type != "cpu" or usual != "sdpa":
        yield
        return
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(usual)


def _check_weights(model: nn.Module) -> None:
    for name, tensor in trained_tensors(model).items():
        if not bool(torch.isfinite(tensor).all()):
            raise TrainingError(
                f"After the last step {name} holds numbers that are none: lower learning_rate and head_learning_rate."
            )


def _whole_weights(model: nn.Module) -> dict[str, Tensor] | None:
    """The trained weights put together from all processes, where they are sharded; every process takes part."""
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    if not any(isinstance(weight, DTensor) for weight in trained.values()):
        return None
    return {
        name: (weight.full_tensor() if isinstance(weight, DTensor) else weight).detach().cpu()
        for name, weight in trained.items()
    }
