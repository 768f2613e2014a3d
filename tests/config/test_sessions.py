"""Sessions: in the database, read from Valkey."""

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from config.plain_cache import JSONSerializer
from config.sessions import CACHED_SECONDS
from tests.making import make_user

pytestmark = pytest.mark.django_db


def test_session_costs_no_query_and_outlives_the_cache(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = make_user()
    client.force_login(user)
    with django_assert_num_queries(1):  # the person; not the session
        assert client.get(reverse("account")).status_code == 200
    assert cache.delete(client.session.cache_key)  # type: ignore[attr-defined]
    assert client.get(reverse("account")).status_code == 200


@pytest.fixture
def no_valkey(settings: Settings) -> None:
    """Point the cache at a port where nothing listens."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}


def test_people_sign_in_work_and_sign_out_without_valkey(
    no_valkey: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user()
    user.set_password("a long password")
    user.save()
    sent = {"username": user.username, "password": "a long password"}
    assert client.post(reverse("login"), sent).status_code == 302
    assert client.get(reverse("account")).status_code == 200
    assert "Valkey does not answer" in caplog.text
    mine = Session.objects.filter(pk=client.session.session_key)
    assert mine.exists()
    assert client.post(reverse("logout")).status_code == 302
    assert not mine.exists()
    assert "stays readable in Valkey" in caplog.text
    assert client.get(reverse("account")).status_code == 302


def test_cached_session_dies_soon_by_itself(client: Client) -> None:
    client.force_login(make_user())
    copy = client.session
    copy.save()
    raw = cache._cache.get_client()  # type: ignore[attr-defined]
    assert 0 < raw.ttl(cache.make_key(copy.cache_key)) <= CACHED_SECONDS  # type: ignore[attr-defined]


def test_cache_holds_json_alone() -> None:
    serializer = JSONSerializer()
    stored = serializer.dumps({"_auth_user_id": "7"})
    assert isinstance(stored, bytes)
    assert serializer.loads(stored) == {"_auth_user_id": "7"}
    assert serializer.dumps(3) == 3
    assert serializer.loads(b"3") == 3
    with pytest.raises(TypeError):
        serializer.dumps({"of": object()})
    with pytest.raises(ValueError, match="Expecting value"):
        serializer.loads(b"cos\nsystem\n(S'true'\ntR.")
