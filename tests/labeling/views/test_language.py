"""Which language a page speaks: the person's own choice, else the cookie's, else the browser's."""

import re
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from labeling.actions.judgments import Outcome
from labeling.models import Judgment, Label, Role, Slot, User
from tests.labeling.acting import judge, submit
from tests.making import PATHS, make_member, make_pair, make_project, make_round, make_user

pytestmark = pytest.mark.django_db

SPANISH = {"Accept-Language": "es-MX,es;q=0.9"}
JAPANESE = {"Accept-Language": "ja"}
NAMES = {"es": ["Exacto", "Sustituto", "Complemento", "Irrelevante"], "ja": ["完全一致", "代替品", "補完品", "無関係"]}


def language_of(answer: Any) -> str:
    """Return the language that a page says it is in."""
    found = re.search(r'<html lang="([^"]+)"', answer.content.decode())
    assert found is not None
    assert answer.headers["Content-Language"] == found[1]
    return found[1]


def choose(user: User, language: str) -> User:
    user.language = language
    user.save()
    return user


def test_sign_in_page_speaks_the_browsers_language(client: Client) -> None:
    page = client.get("/accounts/login/", headers=SPANISH)
    assert language_of(page) == "es"
    assert "Iniciar sesión en Winnow" in page.content.decode()
    assert "Accept-Language" in page.headers["Vary"]
    assert language_of(client.get("/accounts/login/", headers={"Accept-Language": "fr"})) == "en"


def test_switch_on_the_sign_in_page_wins_over_the_browser(client: Client) -> None:
    page = client.get("/accounts/login/?next=/p/shop/", headers=SPANISH).content.decode()
    names = re.findall(r'name="language" value="(\w+)" lang="\w+"( aria-current="true")?>([^<]+)<', page)
    assert names == [("en", "", "English"), ("es", ' aria-current="true"', "Español"), ("ja", "", "日本語")]
    assert 'action="/language/"' in page
    assert 'name="next" value="/accounts/login/?next=/p/shop/"' in page
    answer = client.post(
        "/language/", {"language": "ja", "next": "/accounts/login/?next=/p/shop/"}, headers=SPANISH, follow=True
    )
    assert answer.redirect_chain == [("/accounts/login/?next=/p/shop/", 302)]
    assert language_of(answer) == "ja"
    assert client.cookies["winnow_language"]["httponly"]


def test_switch_leads_nowhere_else(client: Client) -> None:
    answer = client.post("/language/", {"language": "ja", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_choice_of_a_person_wins_over_cookie_and_browser(client: Client) -> None:
    client.force_login(choose(make_user(), "ja"))
    client.cookies["winnow_language"] = "es"
    assert language_of(client.get("/", headers=SPANISH)) == "ja"


def test_choice_is_made_on_the_account_page(client: Client) -> None:
    client.force_login(make_user())
    assert language_of(client.get(reverse("account"), headers=SPANISH)) == "es"
    saved = client.post(reverse("account"), {"language": "ja"}, headers=SPANISH, follow=True)
    assert language_of(saved) == "ja"
    assert "保存しました。" in saved.content.decode()


def test_person_without_a_choice_reads_the_browsers_language(client: Client) -> None:
    client.force_login(make_user())
    assert language_of(client.get("/", headers=JAPANESE)) == "ja"


def test_language_that_is_not_there_is_passed_over(client: Client) -> None:
    client.force_login(choose(make_user(), "xx"))
    assert language_of(client.get("/", headers=SPANISH)) == "es"


def test_choice_of_one_person_does_not_reach_the_next_request(client: Client) -> None:
    client.force_login(choose(make_user(), "ja"))
    client.get("/")
    assert language_of(Client().get("/accounts/login/")) == "en"


def test_missing_page_speaks_the_persons_language(client: Client) -> None:
    client.force_login(choose(make_user(), "es"))
    for address in ("/p/no-such-project/", "/nowhere/"):
        page = client.get(address)
        assert page.status_code == 404
        assert language_of(page) == "es"


def test_language_costs_no_query(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    counts = []
    for language in ("", "ja"):
        choose(user, language)
        with CaptureQueriesContext(connection) as queries:
            client.get("/styleguide")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("language", ["es", "ja"])
def test_broken_page_needs_no_context(language: str) -> None:
    with translation.override(language):
        html = render_to_string("500.html")
    assert f'<html lang="{language}">' in html
    assert "Winnow" in html
    assert "What you did just now" not in html


@pytest.mark.parametrize("language", ["es", "ja"])
def test_label_names_are_translated_and_their_data_stays(language: str) -> None:
    labels = list(Label.objects.filter(scheme__slug="esci"))
    with translation.override(language):
        shown = [render_to_string("components/label.html", {"label": label}) for label in labels]
        assert [re.findall(r"<span>([^<]+)</span>", html)[0] for html in shown] == NAMES[language]
        other = render_to_string("components/label.html", {"label": {"key": "5", "name": "Five stars"}})
        assert "Five stars" in other
    assert [label.name for label in labels] == ["Exact", "Substitute", "Complement", "Irrelevant"]


@pytest.mark.parametrize(("language", "stat"), [("en", "1,204 pairs"), ("es", "1\u00a0204 pares"), ("ja", "1,204組")])
def test_numbers_and_plurals_follow_the_language(language: str, stat: str) -> None:
    with translation.override(language):
        html = render_to_string("components/stat.html", {"name": "n", "value": 0.5, "n": 1204})
        one = render_to_string("components/stat.html", {"name": "n", "value": 0.5, "n": 1})
    assert stat in html
    assert ("0,50" in html) == (language == "es")
    assert {"en": "1 pair<", "es": "1 par<", "ja": "1組<"}[language] in one


@pytest.mark.parametrize(("language", "question"), [("es", "¿Se entiende qué"), ("ja", "買い物客が何を")])
def test_desk_and_guideline_ask_in_the_persons_language(client: Client, language: str, question: str) -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    client.force_login(choose(member.user, language))
    desk = client.get(reverse("judge", args=[project.slug])).content.decode()
    assert question in desk
    assert "Can you tell what the shopper wants?" not in desk
    assert 'value="need:yes"' in desk
    assert question in client.get(reverse("guideline", args=[project.slug])).content.decode()
    slot = Slot.objects.get(annotator=member.user)
    assert submit(member, slot, "E") == Outcome.STORED
    assert Judgment.objects.get(annotator=member.user).path == PATHS["E"]


def test_news_name_a_label_in_the_persons_language(client: Client) -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project)])
    member = make_member(project)
    client.force_login(choose(member.user, "es"))
    judgment = judge(member, "E")
    form = {"pair": judgment.pair_id, "key": judgment.key, "guideline": judgment.guideline_id, "path": PATHS["I"]}
    again = client.post(reverse("judge", args=[project.slug]), form, headers={"HX-Request": "true"})
    assert "Ya había respondido a ese par: Exacto." in again.content.decode()


def test_navigation_and_role_are_translated(client: Client) -> None:
    project = make_project()
    client.force_login(choose(make_member(project, Role.AUDITOR).user, "es"))
    page = client.get(reverse("audits", args=[project.slug])).content.decode()
    assert "Auditorías" in page
    assert f"Auditor/a en {project.name}" in page
