"""One judge, trained for real, that all tests share."""

import pytest
import torch

from modeling.judge.dataset import Example
from modeling.judge.training import train
from modeling.judge.watch import Progress
from tests.modeling.judge.shop import LABELS, SMALL, Trained, shop_pairs


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other take minutes where other tests keep the cores busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shop() -> list[Example]:
    """240 pairs of 48 queries, a quarter of the queries held out."""
    return shop_pairs()


@pytest.fixture(scope="session")
def trained(shop: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One real run: about 140 training pairs, two epochs, a few seconds."""
    folder = tmp_path_factory.mktemp("judge") / "artifact"
    reports: list[Progress] = []
    manifest = train(SMALL, shop, LABELS, folder, reports.append, provenance={"round": 3})
    return Trained(shop, folder, manifest, reports)
