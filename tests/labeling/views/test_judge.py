"""The annotator's page, as a browser with and without scripts uses it."""

import datetime as dt
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.accounts import save_account
from labeling.actions.members import pause_member
from labeling.models import Judgment, Membership, Pair, ProductRevision, Project, Role, Skip, Slot, User
from labeling.queries.gold import BELOW_MARK
from tests.labeling.acting import judge as judge_of
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def visible_questions(page: str) -> list[str]:
    return [name for name, hidden in re.findall(r'data-question="(\w+)"( hidden)?', page) if not hidden]


def fields_of(page: str) -> dict[str, str]:
    """Return the hidden fields of the walk's form."""
    form = page[page.index('id="walk"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[: form.index("data-question")]))


def desk_for(
    client: Client, pairs: int = 3, role: Role = Role.ANNOTATOR, **settings: object
) -> tuple[Project, Membership, str]:
    project = make_project(**settings)
    make_round(project, [make_pair(project) for _ in range(pairs)])
    member = make_member(project, role)
    client.force_login(member.user)
    return project, member, reverse("judge", args=[project.slug])


def test_desk_shows_the_pair_and_every_question_with_one_visible(client: Client) -> None:
    _, _, url = desk_for(client)
    page = client.get(url).content.decode()
    pair = Pair.objects.select_related("query", "product").get(pk=fields_of(page)["pair"])
    assert f'data-query="{pair.query.text}"' in page
    assert f'data-product="{pair.product.external_id}"' in page
    questions = re.findall(r'data-question="(\w+)"( hidden)?', page)
    assert [name for name, hidden in questions if not hidden] == ["need"]
    assert {name for name, _ in questions} == {"need", "type", "conflict", "silent", "accept", "job", "together"}
    assert 'data-next="label:E"' in page


def test_desk_shows_the_shops_markup_made_safe(client: Client) -> None:
    project, _, url = desk_for(client, pairs=0)
    pair = make_pair(project, title="<script>alert(1)</script> bottle")
    make_round(project, [pair])
    page = client.get(url).content.decode()
    assert "Fits a <b>cup holder</b>" in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; bottle" in page


def test_desk_announces_the_pair_without_the_marks(client: Client) -> None:
    project = make_project()
    make_round(project, [make_pair(project, "wireless mouse", "Wireless Mouse & Pad")])
    client.force_login(make_member(project).user)
    page = client.get(reverse("judge", args=[project.slug])).content.decode()
    assert "<mark>Wireless</mark>" in page
    assert 'data-said="Next pair. Query: wireless mouse. Product: Wireless Mouse &amp; Pad."' in page


def test_answer_by_htmx_is_stored_and_brings_the_next_desk(client: Client) -> None:
    _, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX)
    assert reply.status_code == 200
    page = reply.content.decode()
    assert page.lstrip().startswith('<div id="desk"')
    assert fields_of(page)["pair"] != fields["pair"]
    stored = Judgment.objects.get(annotator=member.user)
    assert (stored.label.key, stored.path, str(stored.key)) == ("S", PATHS["S"], fields["key"])


def test_answers_one_by_one_without_a_script_reach_the_same_judgment(client: Client) -> None:
    _, member, url = desk_for(client)
    page = client.get(url).content.decode()
    for step in PATHS["I"].split(","):
        assert not Judgment.objects.filter(annotator=member.user).exists()
        reply = client.post(url, {**fields_of(page), "answer": step})
        page = reply.content.decode()
    assert reply.status_code == 302
    assert reply.headers["Location"] == url
    assert Judgment.objects.get(annotator=member.user).path == PATHS["I"]


def test_back_without_a_script_shows_the_question_before(client: Client) -> None:
    _, _, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    page = client.post(url, {**fields, "path": "need:yes"}).content.decode()
    assert [name for name, hidden in re.findall(r'data-question="(\w+)"( hidden)?', page) if not hidden] == ["type"]
    assert "need:yes" in fields_of(page)["path"]


def test_same_submit_twice_counts_once(client: Client) -> None:
    _, member, url = desk_for(client)
    fields = {**fields_of(client.get(url).content.decode()), "path": PATHS["E"]}
    replies = [client.post(url, fields, headers=HTMX) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert Judgment.objects.filter(annotator=member.user).count() == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": "need:yes,kind:no"}, "Step 2"),
        ({"path": PATHS["E"] + ",job:no"}, "Step 5"),
        ({"path": PATHS["E"], "pair": "999999999"}, "not in the queue"),
        ({"path": PATHS["E"], "pair": ""}, "pair"),
        ({"path": PATHS["E"], "key": "not-a-key"}, "key"),
        ({"path": PATHS["E"], "guideline": "999999"}, "guideline"),
    ],
)
def test_bad_answers_are_refused_and_store_nothing(client: Client, changes: dict[str, str], says: str) -> None:
    _, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, **changes}, headers=HTMX)
    assert reply.status_code == 400
    assert says in reply.content.decode()
    assert not Judgment.objects.filter(annotator=member.user).exists()


def test_skip_is_stored_with_its_reason_and_frees_the_slot(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(
        reverse("skip", args=[project.slug]), {**fields, "reason": "needs_evidence", "note": "no size"}, headers=HTMX
    )
    assert reply.status_code == 200
    skip = Skip.objects.get(annotator=member.user)
    assert (skip.reason, skip.note) == ("needs_evidence", "no size")
    assert not Slot.objects.filter(pair=int(fields["pair"]), annotator__isnull=False).exists()
    assert fields_of(reply.content.decode())["pair"] != fields["pair"]


def test_skip_refuses_a_reason_the_guideline_does_not_have(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(reverse("skip", args=[project.slug]), {**fields, "reason": "bored"}, headers=HTMX)
    assert reply.status_code == 400
    assert "needs_evidence" in reply.content.decode()
    assert not Skip.objects.filter(annotator=member.user).exists()


def test_skip_refuses_a_path_that_is_none(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode()) | {
        "reason": "needs_evidence",
        "path": "neither here nor there",
    }
    reply = client.post(reverse("skip", args=[project.slug]), fields, headers=HTMX)
    assert reply.status_code == 400
    assert not Skip.objects.filter(annotator=member.user).exists()


def test_undo_puts_the_pair_back_on_the_desk(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    page = client.post(reverse("undo", args=[project.slug]), headers=HTMX).content.decode()
    assert fields_of(page)["pair"] == fields["pair"]
    assert fields_of(page)["key"] != fields["key"]
    assert Judgment.objects.get(annotator=member.user).retired_as == "undone"
    again = client.post(reverse("undo", args=[project.slug]), headers=HTMX).content.decode()
    assert "There is nothing to take back." in again


def test_desk_says_so_when_nothing_waits(client: Client) -> None:
    _, _, url = desk_for(client, pairs=0)
    page = client.get(url).content.decode()
    assert 'data-state="empty"' in page
    assert "Nothing is waiting" in page


def test_desk_never_tells_stream_or_model(client: Client) -> None:
    _, _, url = desk_for(client)
    page = client.get(url, headers=HTMX).content.decode().lower()
    for word in ("random", "active", "predict", "confidence", "chance"):
        assert word not in page.replace("allow", "")


def test_desk_costs_the_same_queries_with_a_long_history(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project, _, url = desk_for(client, pairs=30)
    page = client.get(url).content.decode()

    def submit() -> None:
        nonlocal page
        page = client.post(url, {**fields_of(page), "path": PATHS["E"]}, headers=HTMX).content.decode()

    for history in (1, 20):
        while Judgment.objects.filter(project=project).count() < history:
            submit()
        with django_assert_max_num_queries(13):
            assert client.get(url).status_code == 200
        # The submit and the next pair, with the BEGIN and COMMIT of both, which are savepoints here.
        with django_assert_max_num_queries(21):
            submit()


def test_desk_shows_everybody_their_own_keys_and_language(client: Client) -> None:
    _, member, url = desk_for(client, pairs=1)
    assert 'data-keycap="y"' in client.get(url).content.decode()
    User.objects.filter(pk=member.user_id).update(keys={"yes": "j"})
    page = client.get(url).content.decode()
    assert 'data-keycap="j"' in page
    assert 'data-keycap="y"' not in page
    assert "Answer with single keys" in page
    User.objects.filter(pk=member.user_id).update(language="ja")
    page = client.get(url).content.decode()
    assert "Answer with single keys" not in page
    assert 'data-keycap="j"' in page
    User.objects.filter(pk=member.user_id).update(keys={}, language="")
    assert 'data-keycap="y"' in client.get(url).content.decode()


def test_key_of_somebody_else_is_not_taken_for_ones_own(client: Client) -> None:
    project, _, url = desk_for(client)
    first = fields_of(client.get(url).content.decode())
    client.post(url, {**first, "path": PATHS["E"]}, headers=HTMX)
    other = make_member(project)
    client.force_login(other.user)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, "key": str(uuid.uuid4()), "path": PATHS["I"]}, headers=HTMX)
    assert reply.status_code == 200
    assert Judgment.objects.filter(annotator=other.user).count() == 1


def test_judgment_remembers_the_text_that_was_shown(client: Client) -> None:
    _, member, url = desk_for(client, pairs=2)
    fields = fields_of(client.get(url).content.decode())
    product = Pair.objects.get(pk=fields["pair"]).product
    shown = product.revision
    product.revision = ProductRevision.objects.create(product=product, number=2, digest=uuid.uuid4(), title="New text")
    product.save()
    reply = client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    assert Judgment.objects.get(annotator=member.user).revision == shown
    other = fields_of(reply.content.decode())
    refused = client.post(url, {**other, "revision": fields["revision"], "path": PATHS["E"]}, headers=HTMX)
    assert refused.status_code == 400
    assert Judgment.objects.filter(annotator=member.user).count() == 1


def test_answers_about_a_pair_that_was_lost_are_not_carried_to_the_next(client: Client) -> None:
    _, _, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    Slot.objects.filter(pair=int(fields["pair"])).update(annotator=None, leased_until=None, rank=10_000)
    page = client.post(url, {**fields, "answer": "need:yes"}).content.decode()
    assert fields_of(page)["pair"] != fields["pair"]
    assert fields_of(page)["path"] == ""
    assert [name for name, hidden in re.findall(r'data-question="(\w+)"( hidden)?', page) if not hidden] == ["need"]


def test_half_walk_is_kept_and_shown_on_another_device(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    keep = reverse("keep", args=[project.slug])
    reply = client.post(keep, {"pair": fields["pair"], "key": fields["key"], "path": "need:yes,type:yes"})
    assert reply.json() == {"held": True}
    device = Client()
    device.force_login(member.user)
    page = device.get(url).content.decode()
    assert fields_of(page)["pair"] == fields["pair"]
    assert fields_of(page)["path"] == "need:yes,type:yes"
    assert visible_questions(page) == ["conflict"]


def test_keeping_a_pair_of_somebody_else_changes_nothing(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    client.force_login(make_member(project).user)
    sent = {"pair": fields["pair"], "key": fields["key"], "path": "need:yes"}
    for name in ("keep", "leave"):
        assert client.post(reverse(name, args=[project.slug]), sent).json() == {"held": False}
    assert Slot.objects.get(annotator=member.user).draft == ""


@pytest.mark.parametrize("changes", [{"pair": "x"}, {"key": "x"}, {"pair": "9" * 30}, {"path": "x" * 3000}])
def test_what_cannot_be_kept_is_refused(client: Client, changes: dict[str, str]) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    sent = {"pair": fields["pair"], "key": fields["key"], "path": "need:yes"} | changes
    reply = client.post(reverse("keep", args=[project.slug]), sent)
    assert reply.status_code == 400 or reply.json() == {"held": False}
    assert Slot.objects.get(annotator=member.user).draft == ""


def test_pair_of_a_page_that_was_left_goes_to_others(client: Client) -> None:
    project, member, url = desk_for(client, pairs=1, overlap=1)
    fields = fields_of(client.get(url).content.decode())
    other = Client()
    other.force_login(make_member(project).user)
    assert 'data-state="empty"' in other.get(url).content.decode()
    left = {"pair": fields["pair"], "key": fields["key"], "path": "need:yes"}
    assert client.post(reverse("leave", args=[project.slug]), left).json() == {"held": True}
    assert 'data-state="empty"' in other.get(url).content.decode()  # not at once: the page may be loaded again
    Slot.objects.filter(annotator=member.user).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    page = other.get(url).content.decode()
    assert fields_of(page)["pair"] == fields["pair"]
    assert fields_of(page)["path"] == ""  # the half walk of somebody else is theirs
    kept = {"pair": fields["pair"], "key": fields["key"], "path": "need:yes"}
    assert client.post(reverse("keep", args=[project.slug]), kept).json() == {"held": False}


def test_draft_that_no_longer_fits_is_shown_as_far_as_it_does(client: Client) -> None:
    _, member, url = desk_for(client)
    client.get(url)
    Slot.objects.filter(annotator=member.user).update(draft="need:yes,old_question:yes")
    page = client.get(url).content.decode()
    assert fields_of(page)["path"] == "need:yes"
    assert visible_questions(page) == ["type"]


def test_undo_shows_the_old_walk_with_its_last_answer_marked(client: Client) -> None:
    project, _, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    page = client.post(reverse("undo", args=[project.slug]), headers=HTMX).content.decode()
    assert fields_of(page)["path"] == "need:yes,type:yes,conflict:no"
    assert visible_questions(page) == ["silent"]
    assert re.findall(r'class="answer before" name="answer" value="([^"]*)"', page) == ["silent:no"]


def test_undo_reaches_back_step_by_step(client: Client) -> None:
    project, member, url = desk_for(client, pairs=3)
    page, pairs = client.get(url).content.decode(), []
    for _ in range(3):
        pairs.append(fields_of(page)["pair"])
        page = client.post(url, {**fields_of(page), "path": PATHS["E"]}, headers=HTMX).content.decode()
    for pair in reversed(pairs):
        step = re.search(r'name="step" value="([^"]*)"', page)
        assert step is not None
        page = client.post(reverse("undo", args=[project.slug]), {"step": step.group(1)}, headers=HTMX).content.decode()
        assert fields_of(page)["pair"] == pair
    assert not Judgment.objects.filter(annotator=member.user, retired_at__isnull=True).exists()


def test_another_answer_under_a_known_key_does_not_vanish_silently(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    page = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX).content.decode()
    stored = Judgment.objects.get(annotator=member.user)
    assert stored.path == PATHS["E"]
    assert "You had answered that pair before: Exact. That answer stands." in page
    assert f'href="{reverse("correct", args=[project.slug, stored.pk])}"' in page
    plain = client.post(url, {**fields, "path": PATHS["S"]}, follow=True).content.decode()
    assert "That answer stands." in plain
    assert f'href="{reverse("correct", args=[project.slug, stored.pk])}"' in plain
    skipped = client.post(reverse("skip", args=[project.slug]), {**fields, "reason": "unclear_query"}, headers=HTMX)
    assert "That answer stands." in skipped.content.decode()


def test_answer_of_an_old_page_after_an_undo_is_said_not_to_count(client: Client) -> None:
    project, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    client.post(reverse("undo", args=[project.slug]), headers=HTMX)
    page = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX).content.decode()
    assert "That page was an old one" in page
    assert fields_of(page)["pair"] == fields["pair"]
    assert not Judgment.objects.filter(annotator=member.user, retired_at__isnull=True).exists()


def test_answer_that_is_not_needed_is_kept_and_said_kindly(client: Client) -> None:
    project, member, url = desk_for(client, pairs=2, overlap=1)
    fields = fields_of(client.get(url).content.decode())
    Slot.objects.filter(annotator=member.user).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    other = make_member(project)
    assert judge_of(other).pair_id == int(fields["pair"])
    page = client.post(url, {**fields, "path": PATHS["S"]}, headers=HTMX).content.decode()
    assert "It is kept, and nothing is wrong with it." in page
    assert Judgment.objects.get(annotator=member.user).retired_as == "surplus"


def test_paused_annotator_is_told_why_and_given_nothing(client: Client) -> None:
    project, member, url = desk_for(client)
    client.get(url)
    pause_member(project, member.user, "Call me about the red ones")
    page = client.get(url).content.decode()
    assert 'data-state="empty"' in page
    assert "Call me about the red ones" in page
    assert "All your work is kept." in page


def test_annotator_below_the_mark_is_told_what_to_do(client: Client) -> None:
    project, member, url = desk_for(client)
    pause_member(project, member.user, BELOW_MARK)
    page = client.get(url).content.decode()
    assert "talk to your lead" in page
    assert reverse("guideline", args=[project.slug]) in page
    assert BELOW_MARK not in page.replace("golden", "").split("<main")[1]


def test_annotator_who_must_train_is_led_to_the_training(client: Client) -> None:
    project, _, url = desk_for(client)
    Project.objects.filter(pk=project.pk).update(training_required=True)
    page = client.get(url).content.decode()
    assert "First a little practice" in page
    assert f'href="{reverse("training", args=[project.slug])}"' in page


def test_desk_says_so_when_nothing_waits_in_ones_languages(client: Client) -> None:
    _, member, url = desk_for(client)
    Membership.objects.filter(pk=member.pk).update(languages=["jp"])
    page = client.get(url).content.decode()
    assert 'data-state="empty"' in page
    assert "in your languages (jp)" in page


def test_seconds_are_those_that_the_page_says_within_the_lease(client: Client) -> None:
    _, member, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    Slot.objects.filter(annotator=member.user).update(leased_at=timezone.now() - dt.timedelta(seconds=60))
    page = client.post(url, {**fields, "path": PATHS["E"], "seconds": "7.5"}, headers=HTMX).content.decode()
    assert Judgment.objects.get(annotator=member.user).seconds == 7.5
    client.post(url, {**fields_of(page), "path": PATHS["E"], "seconds": "5000"}, headers=HTMX)
    assert Judgment.objects.filter(annotator=member.user).latest("id").seconds < 60


@pytest.mark.parametrize(("sent", "kept"), [("1e300", 86400), ("-3", 0), ("inf", 0), ("nan", 0), ("soon", 0)])
def test_no_answer_is_lost_for_silly_seconds(client: Client, sent: str, kept: int) -> None:
    """Of an answer that came too late, too: there no lease bounds them."""
    _, _, url = desk_for(client)
    fields = fields_of(client.get(url).content.decode())
    first = client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX)
    late = {**fields, "key": str(uuid.uuid4()), "path": PATHS["S"], "seconds": sent}
    assert (first.status_code, client.post(url, late, headers=HTMX).status_code) == (200, 200)
    assert Judgment.objects.get(key=late["key"]).seconds == kept


def test_desk_shows_ones_own_keys(client: Client) -> None:
    _, member, url = desk_for(client)
    save_account(member.user, "", {"yes": "q", "skip": "Delete"})
    page = client.get(url).content.decode()
    assert 'value="need:yes" data-next="question:type" data-keycap="q"' in page
    assert '<kbd class="key" aria-hidden="true">Q</kbd>' in page
    assert '<kbd class="key" aria-hidden="true">Del</kbd>' in page
    assert "&quot;skip&quot;: &quot;Delete&quot;" in page


def test_desk_says_what_waits_in_tens_where_checks_are_mixed_in(client: Client) -> None:
    project = make_project(overlap=1, max_overlap=1, gold_share=0.1)
    make_round(project, [make_pair(project) for _ in range(26)], stream="active")
    client.force_login(make_member(project).user)
    url = reverse("judge", args=[project.slug])
    assert "more than 20 waiting" in client.get(url).content.decode()
    Project.objects.filter(pk=project.pk).update(gold_share=0)
    assert "25 waiting" in client.get(url).content.decode()
