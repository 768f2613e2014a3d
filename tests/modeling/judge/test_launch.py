"""The configurations that several GPUs share a training by are ones that accelerate reads."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from worker.training import LAUNCH

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("name", "kind"), [("ddp", "MULTI_GPU"), ("fsdp", "FSDP"), ("deepspeed", "DEEPSPEED")])
def test_configuration_is_read_and_leaves_the_precision_to_the_run(name: str, kind: str) -> None:
    config = load_config_from_file(str(LAUNCH / f"{name}.yaml"))
    assert (config.distributed_type, config.mixed_precision, config.num_machines) == (kind, "no", 1)


def test_every_configuration_can_be_asked_for() -> None:
    settings = (Path(LAUNCH).parents[2] / "config" / "settings.py").read_text()
    assert {path.stem for path in LAUNCH.glob("*.yaml")} == {"ddp", "fsdp", "deepspeed"}
    assert '("ddp", "fsdp", "deepspeed")' in settings
