"""One's own keys and language."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.accounts import save_account
from labeling.models import User
from labeling.models.user import USUAL_KEYS
from tests.making import make_user

pytestmark = pytest.mark.django_db

SENT = {"language": "", **USUAL_KEYS}


@pytest.fixture
def person(client: Client) -> User:
    found = make_user()
    client.force_login(found)
    return found


def test_account_stores_what_is_not_usual(client: Client, person: User) -> None:
    reply = client.post(reverse("account"), SENT | {"yes": "Q", "back": "arrowleft", "language": "es"})
    assert reply.status_code == 302
    person.refresh_from_db()
    assert person.keys == {"yes": "q", "back": "ArrowLeft"}
    assert person.language == "es"
    page = client.get(reverse("account")).content.decode()
    assert 'value="ArrowLeft"' in page
    assert '<html lang="es">' in page


def test_two_actions_cannot_have_one_key(client: Client, person: User) -> None:
    reply = client.post(reverse("account"), SENT | {"yes": "u"})
    assert reply.status_code == 422
    assert "already used for “Undo your last judgment”" in reply.content.decode()
    person.refresh_from_db()
    assert person.keys == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"yes": "u"}, {"yes": "Undo your last judgment"}),
        ({"undo": "y"}, {"undo": "Yes"}),
        ({"yes": "q", "keys": "q"}, {"yes": "The list of keys", "keys": "Yes"}),
        ({"yes": "n", "no": ""}, {"yes": "No"}),
    ],
)
def test_shared_key_is_told_where_it_was_given(
    client: Client, person: User, changes: dict[str, str], told: dict[str, str]
) -> None:
    form = client.post(reverse("account"), SENT | changes).context["form"]
    assert set(form.errors) == set(told)
    for action, other in told.items():
        assert f"“{other}”" in form.errors[action][0]


@pytest.mark.parametrize("key", ["1", "Enter", "ab", "\x07", "F5"])
def test_key_that_a_desk_cannot_use_is_refused(client: Client, person: User, key: str) -> None:
    reply = client.post(reverse("account"), SENT | {"yes": key})
    assert reply.status_code == 422
    assert "errorlist" in reply.content.decode()
    person.refresh_from_db()
    assert person.keys == {}


def test_keys_can_be_swapped_and_empty_fields_are_usual(client: Client, person: User) -> None:
    assert client.post(reverse("account"), SENT | {"yes": "n", "no": "y", "skip": ""}).status_code == 302
    person.refresh_from_db()
    assert person.keys == {"yes": "n", "no": "y"}


def test_reset_brings_the_usual_keys_back_and_keeps_the_language(client: Client, person: User) -> None:
    save_account(person, "ja", {"yes": "q"})
    client.post(reverse("account"), {"reset": "1"})
    person.refresh_from_db()
    assert (person.keys, person.language) == ({}, "ja")


def test_language_that_is_not_spoken_is_refused(client: Client, person: User) -> None:
    assert client.post(reverse("account"), SENT | {"language": "tlh"}).status_code == 422


def test_account_is_for_people_who_are_signed_in(client: Client) -> None:
    assert client.get(reverse("account")).status_code == 302


def test_account_action_refuses_unknown_actions_and_shared_keys(person: User) -> None:
    with pytest.raises(ValueError, match="dance"):
        save_account(person, "", {"dance": "d"})
    with pytest.raises(ValueError, match="two things"):
        save_account(person, "", {"yes": "n"})


def test_action_that_came_later_leaves_people_the_keys_they_chose(client: Client, person: User) -> None:
    person.keys = {"yes": "a", "no": "b"}  # chosen before there was an action with the usual key A
    person.save()
    in_use = person.keys_in_use()
    assert (in_use["yes"], in_use["no"], in_use["ask"]) == ("a", "b", "c")
    assert len(set(in_use.values())) == len(USUAL_KEYS)
    page = client.get(reverse("account")).content.decode()
    assert client.post(reverse("account"), {"language": "", **in_use}).status_code == 302
    assert 'name="ask" value="c"' in page
    person.refresh_from_db()
    assert person.keys_in_use() == in_use
