"""The pages of adjudication: the queue, the desk, what was ruled, and who may see them."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from labeling.actions.adjudication import leave_out_pair
from labeling.models import (
    Consensus,
    GoldPair,
    GuidelineVersion,
    Judgment,
    Membership,
    Pair,
    Project,
    Role,
    Ruling,
    Split,
)
from labeling.queries.projects import labels_of, published_guideline
from tests.labeling.acting import SKIP_PATH, judge_all, make_members
from tests.labeling.actions.test_adjudication import rule
from tests.making import PATHS, make_member, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db


def disputed(count: int = 1, labels: str = "ES", **settings: object) -> tuple[Project, list[Pair]]:
    """Make a project with pairs of training queries on which people part."""
    project = make_project(**{"overlap": len(labels), "max_overlap": len(labels)} | settings)
    pairs = [make_pair_of(project, Split.TRAIN) for _ in range(count)]
    make_round(project, pairs)
    judge_all(make_members(project, len(labels)), dict.fromkeys(pairs, labels))
    return project, pairs


@pytest.fixture(params=[Role.LEAD, Role.AUDITOR])
def expert(request: pytest.FixtureRequest, client: Client) -> Membership:
    """Sign in as somebody who may rule."""
    project, _ = disputed(2)
    member = make_member(project, request.param)
    client.force_login(member.user)
    return member


def judged_pairs(project: Project) -> list[Pair]:
    return list(project.pairs.filter(consensus__isnull=False).order_by("pk"))


def desk_of(pair: Pair) -> str:
    return reverse("adjudicate", args=[pair.project.slug, pair.pk])


def send(client: Client, pair: Pair, label: str = "S", **changes: Any) -> Any:
    """Post what the desk does."""
    fields = {
        "pair": pair.pk,
        "key": str(uuid.uuid4()),
        "guideline": published_guideline(pair.project).pk,
        "path": PATHS.get(label, label),
        "why": "A fleece does a sweater's job.",
    }
    return client.post(desk_of(pair), fields | changes)


def shown(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


ADDRESSES = ("adjudication", "rulings")


@pytest.mark.parametrize("name", ADDRESSES)
def test_pages_are_for_experts(client: Client, name: str) -> None:
    project, [pair] = disputed()
    annotator, stranger = make_member(project), make_member(make_project(), Role.LEAD)
    address = reverse(name, args=[project.slug])
    for member, status in ((annotator, 403), (stranger, 404)):
        client.force_login(member.user)
        assert client.get(address).status_code == status
        assert client.get(desk_of(pair)).status_code == status
        assert send(client, pair).status_code == status
        assert client.post(reverse("adjudicate-skip", args=[project.slug, pair.pk])).status_code == status
        assert client.post(reverse("rulings", args=[project.slug]), {"do": "take-back"}).status_code == status
    assert not project.rulings.exists()


def test_queue_says_where_they_part_and_what_is_at_stake(client: Client, expert: Membership) -> None:
    page = shown(client, reverse("adjudication", args=[expert.project.slug]))
    assert "2 pairs on which people part" in page
    assert "contradict" in page
    assert page.count("0.50") == 2
    assert "0.45" in page
    assert page.count('class="label"') == 4


def test_queue_keeps_to_one_question(client: Client, expert: Membership) -> None:
    address = reverse("adjudication", args=[expert.project.slug])
    assert "Rule the first" in shown(client, f"{address}?at=conflict")
    assert "at=conflict" in shown(client, f"{address}?at=conflict")
    assert "Rule the first" not in shown(client, f"{address}?at=type")


def test_queue_without_disputes_says_so(client: Client) -> None:
    project = make_project()
    client.force_login(make_member(project, Role.AUDITOR).user)
    assert "Nothing to rule" in shown(client, reverse("adjudication", args=[project.slug]))
    assert "Nothing is ruled yet" in shown(client, reverse("rulings", args=[project.slug]))


def test_desk_shows_walks_and_nobodys_name(client: Client, expert: Membership) -> None:
    pair, _ = judged_pairs(expert.project)
    names = set(Judgment.objects.filter(pair=pair).values_list("annotator__username", flat=True))
    page = shown(client, desk_of(pair))
    assert len(names) == 2
    assert not [name for name in names if name in page]
    assert ["First" in page, "Second" in page, "Third" in page] == [True, True, False]
    assert page.count("Here the answers part") == 2
    assert "1 more pair parts at this question" in page
    assert "is your own" not in page


def test_desk_tells_the_expert_that_they_judged_the_pair(client: Client) -> None:
    _, [pair] = disputed()
    judgment = Judgment.objects.filter(pair=pair)[0]
    Membership.objects.filter(user=judgment.annotator).update(role=Role.LEAD)
    client.force_login(judgment.annotator)
    assert "One of these walks is your own" in shown(client, desk_of(pair))


def test_ruling_asks_why_and_then_leads_to_the_next_pair(client: Client, expert: Membership) -> None:
    first, second = judged_pairs(expert.project)
    asked = send(client, first, why="")
    assert asked.status_code == 200
    assert 'name="why"' in asked.content.decode()
    assert "Say why first" in asked.content.decode()
    assert not expert.project.rulings.exists()
    answer = send(client, first)
    ruling = expert.project.rulings.get()
    assert (ruling.pair, ruling.label.key, ruling.ruled_by) == (first, "S", expert.user)
    assert answer.headers["Location"] == f"{desk_of(second)}?ruled={ruling.pk}"
    page = shown(client, answer.headers["Location"])
    assert "Ruled:" in page
    assert "Make gold, for training" in page
    last = send(client, second)
    assert last.headers["Location"].startswith(reverse("adjudication", args=[expert.project.slug]) + "?ruled=")
    assert "Nothing to rule" in shown(client, last.headers["Location"])


def test_ruling_by_script_is_told_where_to_go(client: Client, expert: Membership) -> None:
    first, second = judged_pairs(expert.project)
    fields = {
        "pair": first.pk,
        "key": str(uuid.uuid4()),
        "guideline": published_guideline(expert.project).pk,
        "path": PATHS["E"],
    }
    fragment = client.post(desk_of(first), fields, headers={"HX-Request": "true"}).content.decode()
    assert fragment.lstrip().startswith('<div id="desk"')
    assert "You rule:" in fragment
    assert "Say why first" not in fragment
    assert f'name="path" value="{PATHS["E"]}"' in fragment
    answer = client.post(desk_of(first), fields | {"why": "It fits."}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith(desk_of(second))


def test_walk_without_a_script_goes_on_question_by_question(client: Client, expert: Membership) -> None:
    pair, _ = judged_pairs(expert.project)
    page = send(client, pair, "need:yes", answer="type:yes", why="").content.decode()
    assert 'name="path" value="need:yes,type:yes"' in page
    assert "Ruled" not in page
    again = shown(client, f"{desk_of(pair)}?path={PATHS['S']}")
    assert 'name="path" value="need:yes,type:yes,conflict:yes"' in again
    assert shown(client, f"{desk_of(pair)}?path=nonsense")


def test_ruling_keeps_to_the_question_that_the_expert_chose(client: Client) -> None:
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair_of(project, Split.TRAIN) for _ in range(3)]
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict(zip(pairs, ("ES", "EI", "ES"), strict=True)))
    client.force_login(make_member(project, Role.LEAD).user)
    answer = client.post(
        desk_of(pairs[0]) + "?at=conflict",
        {"key": str(uuid.uuid4()), "guideline": published_guideline(project).pk, "path": PATHS["E"], "why": "So."},
    )
    assert answer.headers["Location"].startswith(f"{desk_of(pairs[2])}?at=conflict&ruled=")


def test_second_expert_is_told_that_a_ruling_stands(client: Client, expert: Membership) -> None:
    pair, _ = judged_pairs(expert.project)
    rule(expert.project, pair, "E")
    answer = send(client, pair, "S")
    assert answer.headers["Location"] == desk_of(pair)
    page = shown(client, desk_of(pair))
    assert "That ruling stands" in page
    assert "This pair is ruled" in page
    assert 'name="answer"' not in page
    assert Consensus.objects.get(pair=pair).label == Ruling.objects.get(pair=pair).label


def test_what_cannot_be_ruled_is_refused_in_words(client: Client, expert: Membership) -> None:
    pair, other = judged_pairs(expert.project)
    assert send(client, pair, guideline=0).status_code == 400
    wrong = send(client, pair, "need:perhaps")
    assert wrong.status_code == 400
    assert b"perhaps" in wrong.content
    assert send(client, pair, why="x" * 501).status_code == 400
    leave_out_pair(expert.project, expert.user, other.pk, "unclear_query")
    assert b"set aside" in send(client, other).content
    assert "This pair is set aside" in shown(client, desk_of(other))
    assert client.get(reverse("adjudicate", args=[expert.project.slug, 10**12])).status_code == 404
    assert not expert.project.rulings.exists()


@pytest.mark.parametrize("by_leaf", [True, False])
def test_pair_that_cannot_be_judged_is_left_out_and_undone(client: Client, expert: Membership, by_leaf: bool) -> None:
    first, second = judged_pairs(expert.project)
    skip = reverse("adjudicate-skip", args=[expert.project.slug, first.pk])
    fields = {"guideline": published_guideline(expert.project).pk, "reason": "unclear_query", "note": "Two readings"}
    answer = send(client, first, SKIP_PATH, why="") if by_leaf else client.post(skip, fields)
    aside = expert.project.set_aside.get()
    assert (aside.pair, aside.state, aside.decided_by) == (first, "excluded", expert.user)
    assert answer.headers["Location"] == f"{desk_of(second)}?aside={aside.pk}"
    page = shown(client, answer.headers["Location"])
    assert "Left out of the pool" in page
    undo = {"do": "put-back", "number": aside.pk, "back": first.pk}
    assert client.post(reverse("rulings", args=[expert.project.slug]), undo).headers["Location"] == desk_of(first)
    aside.refresh_from_db()
    assert aside.state == "returned"
    assert client.post(skip, fields | {"reason": "boredom"}).status_code == 400


def test_ruling_becomes_gold_and_an_example_in_one_click_each(client: Client, expert: Membership) -> None:
    project = expert.project
    pair, _ = judged_pairs(project)
    ruling = rule(project, pair)
    address = reverse("rulings", args=[project.slug])
    for do in ("training", "training", "example", "example"):
        answer = client.post(address, {"do": do, "number": ruling.pk}, follow=True)
        assert (
            "is gold now" in answer.content.decode()
            or "worked example in the draft of version 2" in answer.content.decode()
        )
    assert GoldPair.objects.get(pair=pair).use == "training"
    draft = GuidelineVersion.objects.get(project=project, published_at=None)
    assert draft.source.count(ruling.why) == 1
    page = shown(client, address)
    assert "gold, for training" in page
    assert "example in version 2" in page
    assert 'value="example"' not in page


def test_ruling_is_taken_back_from_the_list(client: Client, expert: Membership) -> None:
    project = expert.project
    pair, _ = judged_pairs(project)
    ruling = rule(project, pair)
    address = reverse("rulings", args=[project.slug])
    page = client.post(address, {"do": "take-back", "number": ruling.pk}, follow=True).content.decode()
    assert "what people said counts again" in page
    assert f"taken back by {expert.user.username}" in page
    assert Consensus.objects.get(pair=pair).state == "disputed"
    gone = client.post(address, {"do": "check", "number": ruling.pk}, follow=True).content.decode()
    assert "was taken back" in gone
    other = rule(*_other())
    assert client.post(address, {"do": "take-back", "number": other.pk}).status_code == 404
    assert client.post(address, {"do": "dance", "number": ruling.pk}).status_code == 400
    assert client.post(address, {"do": "take-back", "number": "9" * 40}).status_code in (400, 404)


def _other() -> tuple[Project, Pair]:
    project, [pair] = disputed()
    return project, pair


def test_ruling_of_a_holdout_query_offers_no_gold(client: Client) -> None:
    project = make_project(overlap=2, max_overlap=2)
    pair = make_pair_of(project, Split.HOLDOUT)
    make_round(project, [pair])
    judge_all(make_members(project, 2), {pair: "ES"})
    client.force_login(make_member(project, Role.LEAD).user)
    rule(project, pair)
    page = shown(client, reverse("rulings", args=[project.slug]))
    assert "Add as an example" in page
    assert "Make gold" not in page


def test_overview_leads_to_adjudication(client: Client) -> None:
    project, pairs = disputed(3)
    lead = make_member(project, Role.LEAD)
    client.force_login(lead.user)
    rule(project, pairs[0])
    leave_out_pair(project, lead.user, pairs[1].pk, "unclear_query")
    page = shown(client, reverse("project", args=[project.slug]))
    link = re.search(r'<a href="([^"]+)">1 pair on which people cannot agree</a>', page)
    assert link is not None
    assert link[1] == reverse("adjudication", args=[project.slug])


def test_overview_adjudication_and_rounds_count_the_same_pairs_without_a_label(client: Client) -> None:
    """Not those that are in doubt but have a label, and not those that were set aside."""
    project, pairs = disputed(4)
    lead = make_member(project, Role.LEAD)
    client.force_login(lead.user)
    leave_out_pair(project, lead.user, pairs[0].pk, "unclear_query")
    label = next(iter(labels_of(project)))
    Consensus.objects.filter(pair=pairs[1]).update(state="resolved", label=label)
    pages = [shown(client, reverse(name, args=[project.slug])) for name in ("project", "adjudication", "rounds")]
    assert "2 pairs on which people cannot agree" in pages[0]
    assert "3 pairs on which people part" in pages[1]
    assert "On 2 of them people cannot agree" in pages[1]
    assert "2 pairs with all judgments given" in pages[2]


def test_ruling_taken_back_says_what_was_made_of_it_and_stays(client: Client, expert: Membership) -> None:
    project = expert.project
    first, second = judged_pairs(project)
    address = reverse("rulings", args=[project.slug])
    for pair in (first, second):
        client.post(address, {"do": "example", "number": rule(project, pair).pk})
    kept, gone = (Ruling.objects.get(pair=pair) for pair in (first, second))
    draft = GuidelineVersion.objects.get(project=project, published_at=None)
    mended = draft.source.replace(second.query.text, "another query")
    GuidelineVersion.objects.filter(pk=draft.pk).update(source=mended)
    page = client.post(address, {"do": "take-back", "number": kept.pk}, follow=True).content.decode()
    assert "Its worked example stays in the draft of version 2: take it out there" in page
    page = client.post(address, {"do": "take-back", "number": gone.pk}, follow=True).content.decode()
    assert "what people said counts again" in page
    assert "worked example stays" not in page


def test_pages_cost_the_same_for_many(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    costs = []
    for size in (3, 9):
        project, pairs = disputed(size + 1)
        client.force_login(make_member(project, Role.LEAD).user)
        rule(project, pairs[0])
        for address in (*(reverse(name, args=[project.slug]) for name in ADDRESSES), desk_of(pairs[1])):
            client.get(address)
            with django_assert_max_num_queries(30) as asked:
                client.get(address)
            costs.append(len(asked))
    assert costs[:3] == costs[3:]
