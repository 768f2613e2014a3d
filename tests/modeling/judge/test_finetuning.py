import math

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from modeling.judge.finetuning import Progress, TrainingError, _Watch

pytestmark = pytest.mark.training


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
