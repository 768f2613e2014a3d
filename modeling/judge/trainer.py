"""transformers' Trainer with steps that are cut by tokens, shared by processes, and kept without a pickle."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from modeling.judge.batches import TokenBatches, share_step
from modeling.judge.checkpoints import (
    Checkpoint,
    begin_checkpoint,
    finish_checkpoint,
    load_trained,
    pack,
    trained_tensors,
    unpack_chance,
    unpack_optimizer,
    unpack_weights,
    write_tensors,
)
from modeling.judge.dataset import Example
from modeling.judge.memory import free_memory
from modeling.judge.model import PairModel
from modeling.judge.spec import JudgeSpec
from modeling.judge.watch import LossWatch, Pace, TrainingError

logger = logging.getLogger(__name__)

_TRAINER_STATE = "trainer_state.json"


@dataclass(frozen=True)
class Keep:
    """Where a run keeps its checkpoints, what it is made from, and the least seconds between them; 0 is every step."""

    folder: Path
    fingerprint: str
    seconds: float = 15.0


class _Steps(DataLoader[int]):
    """Row numbers, a step at a time. Every process gets the whole step and takes its own share of it."""

    def __init__(self, rows: int, batches: TokenBatches) -> None:
        super().__init__(range(rows), batch_sampler=batches, collate_fn=lambda places: {"rows": places})  # type: ignore[arg-type]  # a range is a dataset
        self.batches = batches

    def set_epoch(self, epoch: int) -> None:
        """The Trainer says which epoch begins."""
        self.batches.set_epoch(epoch)


class PairTrainer(Trainer):
    """Trains a model of pairs.

    A step's loss is the weighted mean over its pairs, however it is shared and cut, so the weights do not depend on
    the number of processes or on the memory, but for rounding.
    """

    def __init__(
        self,
        spec: JudgeSpec,
        model: PairModel,
        rows: Sequence[Example],
        held_out: Sequence[Example],
        keep: Keep | None,
        checkpoint: Checkpoint | None,
        arguments: TrainingArguments,
    ) -> None:
        self.spec, self.pairs, self.rows, self.held_out, self.keep = spec, model, rows, held_out, keep
        self.stopped = False
        self.lengths = model.lengths(rows)
        self.batches = TokenBatches(self.lengths, spec.batch_tokens, spec.seed)
        # FSDP spreads these layers one by one; it asks the outermost module, which is ours and not transformers'.
        layers = {name for part in model.modules() for name in getattr(part, "_no_split_modules", None) or ()}
        model._no_split_modules = sorted(layers)  # type: ignore[assignment]  # a module takes any attribute
        super().__init__(model=model, args=arguments, train_dataset=range(len(rows)))
        if self.accelerator.distributed_type == DistributedType.DEEPSPEED:
            self.keep = None  # its optimizer's numbers belong to no named weight: a run that is killed starts anew
        self.micro_tokens = -(-spec.batch_tokens // self.args.world_size)
        self.notes: list[str] = []
        self.losses = LossWatch(len(model.labels))
        self.pace = Pace(spec.epochs * self.batches.tokens())
        self.gain: dict[str, Any] = {"loss": math.inf, "without": 0}
        self.best: dict[str, Tensor] = {}
        self.began, self.before = time.monotonic(), 0.0
        if checkpoint is not None:
            self._restore(checkpoint)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Not prepared by accelerate, which would deal out whole steps."""
        return _Steps(len(self.rows), self.batches)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW with the model's own groups of weights, its moments in 32 or in 8 bits."""
        if self.optimizer is None:
            groups = self.pairs.parameter_groups(self.spec)
            if self.spec.optimizer == "adamw_8bit":
                from bitsandbytes.optim.adamw import AdamW8bit

                self.optimizer = AdamW8bit(groups, weight_decay=self.spec.weight_decay)  # type: ignore[no-untyped-call]  # it has no types
            else:
                self.optimizer = torch.optim.AdamW(groups, weight_decay=self.spec.weight_decay, fused=True)
        return self.optimizer

    def training_step(
        self,
        model: nn.Module,
        inputs: Mapping[str, Any],
        num_items_in_batch: Any = None,
    ) -> Tensor:
        """Gradients of one whole step; where memory does not suffice, again with micro-batches of half the size."""
        model.train()
        places: list[int] = inputs["rows"]
        self.pairs_done = len(places)
        self.tokens_done = len(places) * max(self.lengths[place] for place in places)
        while True:
            try:
                return self._accumulate(model, places)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                self._halve(places)
            # Outside of the except clause, whose traceback holds the tensors that did not fit.
            model.zero_grad()
            free_memory()

    def _accumulate(self, model: nn.Module, places: Sequence[int]) -> Tensor:
        processes, own = self.args.world_size, self.args.process_index
        whole = sum(self.rows[place].weight for place in places)
        micros = share_step([self.lengths[place] for place in places], processes, self.micro_tokens)
        total = torch.zeros((), device=self.args.device)
        for number, micro in enumerate(micros):
            mine = [self.rows[places[place]] for place in micro[own]]
            share = sum(row.weight for row in mine) * processes / whole
            # Processes wait for each other at every layer, so one without a row of its own reads along.
            batch = self._prepare_inputs(self.pairs.collate(mine or [self.rows[places[0]]]))
            with self._syncing(model, last=number == len(micros) - 1):
                loss = model(**batch)["loss"] * share
                self._backward(loss)
            total += loss.detach()
        return total

    def _backward(self, loss: Tensor) -> None:
        deepspeed = self.accelerator.distributed_type == DistributedType.DEEPSPEED
        self.accelerator.backward(loss, **({"scale_wrt_gas": False} if deepspeed else {}))

    def _syncing(self, model: nn.Module, *, last: bool) -> Any:
        """Let processes add up their gradients after the last micro-batch of a step only."""
        self.accelerator.gradient_state._set_sync_gradients(last)
        if last or self.accelerator.distributed_type == DistributedType.DEEPSPEED:
            return nullcontext()
        return self.accelerator.no_sync(model)

    def _halve(self, places: Sequence[int]) -> None:
        longest = max(self.lengths[place] for place in places)
        if self.args.world_size > 1:
            raise TrainingError(
                "A GPU ran out of memory: lower batch_tokens or max_length, or turn gradient_checkpointing on."
            )
        if self.micro_tokens <= longest:
            raise TrainingError(
                f"There is not enough memory for one pair of {longest} tokens: lower max_length, "
                "turn gradient_checkpointing on, or take a smaller base model or quantization."
            )
        self.micro_tokens = max(longest, min(self.micro_tokens, self.tokens_done) // 2)
        note = (
            f"Out of memory: a step's {self.spec.batch_tokens:,} tokens are now read "
            f"{self.micro_tokens:,} at a time. What is learned stays the same."
        )
        logger.warning(note)
        self.notes = [*(kept for kept in self.notes if not kept.startswith("Out of memory")), note]

    def held_out_loss(self) -> float:
        """The weighted mean loss on the pairs that decide about early stopping."""
        total = weight = 0.0
        model = self.model_wrapped.eval()
        with torch.no_grad():
            for micro in share_step(self.pairs.lengths(self.held_out), 1, self.micro_tokens):
                mine = [self.held_out[place] for place in micro[0]]
                heavy = sum(row.weight for row in mine)
                total += float(model(**self._prepare_inputs(self.pairs.collate(mine)))["loss"]) * heavy
                weight += heavy
        return total / weight

    def weigh_stopping(self) -> bool:
        """After an epoch: whether early stopping ends the run. The weights of the best epoch are kept."""
        if not self.spec.early_stopping or not self.held_out or self.state.global_step % len(self.batches):
            return False
        loss = self.held_out_loss()
        if loss < self.gain["loss"]:
            self.gain = {"loss": loss, "without": 0}
            self.best = {name: tensor.clone() for name, tensor in trained_tensors(self.network).items()}
            return False
        self.gain["without"] += 1
        self.stopped = bool(self.gain["without"] >= self.spec.early_stopping)
        return self.stopped

    def take_the_best(self) -> None:
        """Go back to the weights of the best epoch, where early stopping has kept them."""
        if self.best:
            load_trained(self.best, self.network)

    @property
    def network(self) -> nn.Module:
        """What is trained; under FSDP that is the model with its weights spread over the processes."""
        assert self.model is not None  # noqa: S101
        return self.model

    def seconds(self) -> float:
        """How long the run has trained, before its stops too."""
        return self.before + time.monotonic() - self.began

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """In the Trainer's place: it would write pickles, and the frozen weights each time."""
        assert self.keep is not None  # noqa: S101
        step, own = self.state.global_step, self.args.process_index
        place = self.keep.folder / f".step-{step:09d}"
        if own == 0:
            begin_checkpoint(self.keep.folder, step)
        self.accelerator.wait_for_everyone()
        assert self.optimizer is not None and self.lr_scheduler is not None  # noqa: S101, PT018
        tensors, state = pack(self.network, self.optimizer)
        write_tensors(place, own, tensors | {f"best/{name}": tensor for name, tensor in self.best.items()})
        self.accelerator.wait_for_everyone()
        if own == 0:
            self.state.save_to_json(str(place / _TRAINER_STATE))
            more = {
                "schedule": self.lr_scheduler.state_dict(),
                "micro_tokens": self.micro_tokens,
                "notes": self.notes,
                "losses": self.losses.to_dict(),
                "tokens_done": self.pace.done,
                "seconds": self.seconds(),
                "gain": self.gain,
                "stopped": self.stopped,
            }
            finish_checkpoint(place, self.keep.fingerprint, self.args.world_size, step, state | more)
        self.accelerator.wait_for_everyone()

    def _restore(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.state
        self.kept, self.kept_state = checkpoint.tensors(self.args.process_index), state
        self.micro_tokens, self.notes, self.gain = state["micro_tokens"], state["notes"], state["gain"]
        self.pace.done, self.before = state["tokens_done"], state["seconds"]
        self.losses.restore(state["losses"])
        self.stopped = state["stopped"]
        best = ((name.removeprefix("best/"), tensor) for name, tensor in self.kept.items() if name.startswith("best/"))
        self.best = {name: tensor.to(self.args.device) for name, tensor in best}

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        unpack_weights(self.kept, self.network)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            assert self.optimizer is not None and self.lr_scheduler is not None  # noqa: S101, PT018
            unpack_optimizer(self.kept, self.kept_state, self.network, self.optimizer)
            self.lr_scheduler.load_state_dict(self.kept_state["schedule"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            unpack_chance(self.kept, self.kept_state)


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
