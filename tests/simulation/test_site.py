import re
from pathlib import Path

import pytest

from simulation.answer_key import true_answer
from simulation.catalog import write_catalog
from simulation.site import ANNOTATORS, SETTINGS, DemoError, is_up, manage, new_demo, prepare_data


def test_runs_have_names_and_passwords_of_their_own(tmp_path: Path) -> None:
    one, other = new_demo(tmp_path), new_demo(tmp_path)
    assert one.slug != other.slug
    assert not {account.username for account in one.accounts} & {account.username for account in other.accounts}
    passwords = [account.password for demo in (one, other) for account in demo.accounts]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 16


def test_passwords_are_not_in_what_is_printed_of_a_run(tmp_path: Path) -> None:
    demo = new_demo(tmp_path)
    assert not any(account.password in repr(demo) for account in demo.accounts)


def test_run_has_a_lead_an_auditor_and_annotators(tmp_path: Path) -> None:
    demo = new_demo(tmp_path)
    counts = {role: len(demo.of_role(role)) for role in ("lead", "auditor", "annotator")}
    assert counts == {"lead": 1, "auditor": 1, "annotator": len(ANNOTATORS)}
    assert [account.role for account in demo.accounts if not account.plays] == ["annotator"]


def test_data_without_a_folder_is_a_catalog_with_its_key(tmp_path: Path) -> None:
    data = prepare_data(None, tmp_path)
    assert data.examples.is_file()
    assert data.products.is_file()
    assert len(data.key) > 3_500
    assert data.about.endswith(" pairs")
    assert {path.rpartition(",")[2] for path in data.key.values()} >= {"silent:no", "accept:yes", "together:no"}


def test_data_of_a_folder_is_a_pool_with_the_labels_as_its_key(tmp_path: Path) -> None:
    write_catalog(tmp_path / "given", queries=170, seed=1)
    data = prepare_data(tmp_path / "given", tmp_path / "pool")
    assert 2_500 < len(data.key) < 3_200
    assert re.fullmatch(r"150 queries with 2,\d{3} labeled pairs, and \d{3} pairs put together at random", data.about)
    assert true_answer(data.key, "us", "a query", "of a random pair") == "need:yes,type:no,job:no,together:no"


def test_data_of_a_wrong_folder_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"examples\.parquet is missing; DATA is a folder"):
        prepare_data(tmp_path, tmp_path / "pool")


def test_training_starts_before_the_round_runs_dry() -> None:
    train_after, batch = SETTINGS["train_after"], SETTINGS["batch_size"]
    assert isinstance(train_after, int)
    assert isinstance(batch, int)
    assert 0.5 * batch < train_after < 0.9 * batch


def test_manage_says_what_a_failed_command_said() -> None:
    with pytest.raises(DemoError, match=r"`manage.py no_such_command` ended with status 1: .*Unknown command"):
        manage("no_such_command")


def test_site_that_is_not_there_is_not_up() -> None:
    assert not is_up("http://127.0.0.1:9")
