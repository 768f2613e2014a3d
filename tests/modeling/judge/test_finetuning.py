import math

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from modeling.judge.base_model import resolve_base_model
from modeling.judge.dataset import Example
from modeling.judge.finetuning import Progress, TrainingError, _collate, _Watch
from modeling.judge.model import load_tokenizer
from modeling.judge.spec import EMBEDDED

pytestmark = pytest.mark.training


def test_batch_holds_each_distinct_text_once() -> None:
    tokenizer = load_tokenizer(resolve_base_model(EMBEDDED))
    rows = [
        Example(1, 1, "red mug", "Red Mug", 0, "train", 0.5),
        Example(2, 1, "red mug", "Blue Desk Lamp", 2, "train"),
        Example(3, 2, "lamp", "Red Mug", 2, "train"),
    ]
    batch = _collate(tokenizer, 16, rows)
    assert batch["query_ids"].shape[0] == batch["product_ids"].shape[0] == 2
    assert tokenizer.decode(batch["query_ids"][1], skip_special_tokens=True) == "lamp"
    assert batch["query_place"].tolist() == [0, 0, 1]
    assert batch["product_place"].tolist() == [0, 1, 0]
    assert batch["labels"].tolist() == [0, 2, 2]
    assert batch["weights"].tolist() == [0.5, 1.0, 1.0]
    assert batch["weights"].dtype == torch.float32


def logged(watch: _Watch, **logs: float) -> None:
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to="none")
    watch.on_log(arguments, TrainerState(global_step=3, max_steps=9), TrainerControl(), logs=logs)


def test_watch_reports_steps_and_passes_over_the_summary() -> None:
    reports: list[Progress] = []
    watch = _Watch(reports.append)
    logged(watch, loss=0.5, learning_rate=1e-3)
    logged(watch, train_runtime=3.0)
    assert reports == [Progress("train", 3, 9, 0.5)]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_watch_ends_a_run_whose_loss_is_no_number(loss: float) -> None:
    with pytest.raises(TrainingError, match=r"The loss became (nan|inf) at step 3 of 9: lower learning_rate"):
        logged(_Watch(lambda _progress: None), loss=loss)
