"""Sessions: in the database, read from Valkey."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from config.plain_cache import JSONSerializer
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
