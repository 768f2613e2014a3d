"""Asking from a pair, and the pages with questions and answers."""

import html
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.guidelines import draft_digest, publish_draft, publish_guideline
from labeling.actions.inquiries import Asked, answer_inquiry, ask_lead
from labeling.actions.members import add_member
from labeling.guidelines.parse import default_source
from labeling.models import GuidelineVersion, Inquiry, Membership, Pair, Role, Slot
from labeling.queries.inquiries import new_answers
from labeling.queries.projects import published_guideline
from tests.labeling.acting import claim, expire, judge
from tests.making import make_gold, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
CONFLICT = "need:yes,type:yes"


@pytest.fixture
def annotator(client: Client) -> Membership:
    """Sign in an annotator with a pair on the desk."""
    project = make_project()
    make_round(project, [make_pair(project, "hdmi cable 10 ft", f"HDMI cable, {number} m") for number in range(3, 6)])
    member = make_member(project)
    client.force_login(member.user)
    return member


@pytest.fixture
def lead(annotator: Membership) -> Membership:
    return make_member(annotator.project, Role.LEAD)


def url_of(member: Membership, name: str = "ask", *args: int) -> str:
    return reverse(name, args=[member.project.slug, *args])


def sent_by(member: Membership, slot: Slot, **changes: object) -> dict[str, object]:
    """Return what a desk sends."""
    fields = {
        "pair": slot.pair_id,
        "guideline": published_guideline(member.project).pk,
        "path": CONFLICT,
        "lease": slot.key,
        "key": uuid.uuid4(),
        "text": "Is 3 m the same as 10 ft?",
    }
    return fields | changes


def ask(member: Membership, text: str = "Is 3 m the same as 10 ft?", pair: Pair | None = None) -> Inquiry:
    pair = pair or Pair.objects.filter(project=member.project).earliest("pk")
    asked = Asked(pair.pk, uuid.uuid4(), published_guideline(member.project), CONFLICT, text)
    return ask_lead(member.project, member.user, asked)


def without_marks(page: str) -> str:
    """Return a page without the marks at the words of the query."""
    return re.sub("</?mark>", "", page)


def hidden_fields(page: str) -> dict[str, str]:
    form = page[page.index('class="card stack"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


# From the desk ------------------------------------------------------------------------------------------


def test_desk_leads_to_asking_about_its_pair(client: Client, annotator: Membership) -> None:
    page = client.get(url_of(annotator, "judge")).content.decode()
    slot = Slot.objects.get(annotator=annotator.user, judged=False)
    link = re.search(r'class="button button-quiet ask-lead" href="([^"]+)"', page)
    assert link is not None
    asking = client.get(link[1].replace("&amp;", "&"))
    assert asking.status_code == 200
    fields = hidden_fields(asking.content.decode())
    assert (fields["pair"], fields["lease"]) == (str(slot.pair_id), str(slot.key))
    assert "Can you tell what the shopper wants?" in asking.content.decode()
    assert 'id="ask"' in page


def test_question_without_a_script_is_stored_and_the_pair_kept(client: Client, annotator: Membership) -> None:
    slot = claim(annotator)
    expire(slot)
    reply = client.post(url_of(annotator), sent_by(annotator, slot), follow=True)
    assert reply.redirect_chain == [(url_of(annotator, "judge"), 302)]
    inquiry = Inquiry.objects.get(project=annotator.project)
    assert (inquiry.asked_by, inquiry.pair_id, inquiry.question) == (annotator.user, slot.pair_id, "conflict")
    slot.refresh_from_db()
    assert (slot.annotator, slot.draft) == (annotator.user, CONFLICT)
    assert slot.leased_until is not None
    assert slot.leased_until > timezone.now()
    page = reply.content.decode()
    assert "Your question is with the lead" in page
    assert f'name="path" value="{CONFLICT}"' in page


def test_question_from_the_drawer_is_answered_with_a_toast(client: Client, annotator: Membership) -> None:
    slot = claim(annotator)
    sent = sent_by(annotator, slot)
    for _ in range(2):
        reply = client.post(url_of(annotator), sent, headers=HTMX)
        assert reply.status_code == 200
        assert reply.content.decode().lstrip().startswith('<div class="notice notice-good toast"')
        assert "data-asked" in reply.content.decode()
    assert Inquiry.objects.filter(project=annotator.project).count() == 1


def test_question_that_is_refused_keeps_its_text(client: Client, annotator: Membership) -> None:
    slot = claim(annotator)
    for wrong in ({"pair": 10**15}, {"guideline": 10**15}, {"path": "need:maybe"}, {"key": "none"}):
        reply = client.post(url_of(annotator), sent_by(annotator, slot, **wrong))
        assert reply.status_code == 422
        page = reply.content.decode()
        assert "Is 3 m the same as 10 ft?</textarea>" in page
        assert "errorlist" in page
        assert client.post(url_of(annotator), sent_by(annotator, slot, **wrong), headers=HTMX).status_code == 400
    empty = client.post(url_of(annotator), sent_by(annotator, slot, text=" "))
    assert "Write what you want to know." in empty.content.decode()
    assert not Inquiry.objects.filter(project=annotator.project).exists()


def test_question_goes_back_to_where_it_was_asked_and_nowhere_else(client: Client, annotator: Membership) -> None:
    slot = claim(annotator)
    here = url_of(annotator, "correct", 7)
    assert client.post(url_of(annotator), sent_by(annotator, slot, back=here)).headers["Location"] == here
    for elsewhere in ("https://example.com/", "//example.com/", "javascript:alert(1)"):
        reply = client.post(url_of(annotator), sent_by(annotator, slot, back=elsewhere))
        assert reply.headers["Location"] == url_of(annotator, "judge")
        page = client.get(url_of(annotator), {"back": elsewhere}).content.decode()
        assert f'href="{elsewhere}"' not in page


def test_asking_without_a_pair_is_about_the_one_on_the_desk(client: Client, annotator: Membership) -> None:
    there = client.get(url_of(annotator), follow=True)
    assert there.redirect_chain == [(url_of(annotator, "judge"), 302)]
    assert "ask from there" in there.content.decode()
    page = client.get(url_of(annotator)).content.decode()
    assert hidden_fields(page)["pair"] == str(Slot.objects.get(annotator=annotator.user, judged=False).pair_id)
    for wrong in ({"pair": "x"}, {"pair": make_pair(annotator.project).pk}, {"pair": make_pair(make_project()).pk}):
        assert client.get(url_of(annotator), wrong).status_code == 302


def test_shelf_leads_to_asking_about_each_product(client: Client) -> None:
    project = make_project(desk="shelf")
    make_round(project, [make_pair(project, "hdmi cable") for _ in range(3)])
    member = make_member(project)
    client.force_login(member.user)
    page = client.get(url_of(member, "judge")).content.decode()
    slots = list(Slot.objects.filter(annotator=member.user))
    links = re.findall(r'ask-lead" href="[^"]*pair=(\d+)&amp;guideline=\d+&amp;revision=\d+&amp;lease=([\w-]+)', page)
    assert sorted(links) == sorted((str(slot.pair_id), str(slot.key)) for slot in slots)
    assert client.post(url_of(member), sent_by(member, slots[1])).status_code == 302
    slots[1].refresh_from_db()
    assert slots[1].draft == CONFLICT


# Permissions --------------------------------------------------------------------------------------------


def test_annotator_sees_only_their_own_questions(client: Client, annotator: Membership) -> None:
    ask(annotator, "Mine, about feet")
    ask(make_member(annotator.project), "Somebody else's")
    elsewhere = make_member(make_project())
    client.force_login(elsewhere.user)
    assert client.get(url_of(annotator, "inquiries")).status_code == 404
    client.force_login(annotator.user)
    page = client.get(url_of(annotator, "inquiries")).content.decode()
    assert "Mine, about feet" in page
    assert "Somebody else" not in page


def test_annotator_cannot_answer_and_an_auditor_neither_asks_nor_reads(client: Client, annotator: Membership) -> None:
    inquiry = ask(annotator)
    answer = {"text": "Yes.", "answer_key": "yes"}
    assert client.post(url_of(annotator, "inquiry", inquiry.pk), answer).status_code == 403
    assert client.get(url_of(annotator, "inquiry", inquiry.pk)).status_code == 403
    assert client.post(url_of(annotator, "inquiry-example", inquiry.pk)).status_code == 403
    auditor = make_member(annotator.project, Role.AUDITOR)
    slot = claim(annotator)
    client.force_login(auditor.user)
    for name in ("inquiries", "ask"):
        assert client.get(url_of(annotator, name)).status_code == 403
    assert client.post(url_of(annotator), sent_by(annotator, slot)).status_code == 403
    assert client.post(url_of(annotator, "inquiry", inquiry.pk), answer).status_code == 403
    inquiry.refresh_from_db()
    assert inquiry.answered_at is None
    assert Inquiry.objects.filter(project=annotator.project).count() == 1


def test_annotator_of_another_project_cannot_ask_here_or_about_a_pair_of_here(
    client: Client, annotator: Membership
) -> None:
    slot = claim(annotator)
    elsewhere = make_member(make_project())
    client.force_login(elsewhere.user)
    assert client.post(url_of(annotator), sent_by(annotator, slot)).status_code == 404
    sent = sent_by(annotator, slot, guideline=published_guideline(elsewhere.project).pk)
    assert client.post(url_of(elsewhere), sent).status_code == 422
    assert not Inquiry.objects.filter(project__in=(annotator.project, elsewhere.project)).exists()


def test_lead_of_another_project_finds_no_such_question(client: Client, annotator: Membership) -> None:
    inquiry = ask(annotator)
    elsewhere = make_member(make_project(), Role.LEAD)
    client.force_login(elsewhere.user)
    for name in ("inquiry", "inquiry-example"):
        answer = {"text": "Yes.", "answer_key": "yes"}
        assert client.post(url_of(annotator, name, inquiry.pk), answer).status_code == 404
        assert client.post(url_of(elsewhere, name, inquiry.pk), answer).status_code == 404
    inquiry.refresh_from_db()
    assert inquiry.answer == ""


def test_annotator_never_learns_who_answered(client: Client, annotator: Membership, lead: Membership) -> None:
    answer_inquiry(lead.project, ask(annotator).pk, lead.user, "Compare the lengths.", "yes")
    page = client.get(url_of(annotator, "inquiries")).content.decode()
    assert "Compare the lengths." in page
    assert lead.user.username not in page


# The lead's page ----------------------------------------------------------------------------------------


def test_lead_sees_who_asked_what_and_where(client: Client, annotator: Membership, lead: Membership) -> None:
    ask(annotator)
    client.force_login(lead.user)
    overview = client.get(reverse("project", args=[lead.project.slug])).content.decode()
    assert "1 question of annotators to answer" in overview
    page = without_marks(client.get(url_of(lead, "inquiries")).content.decode())
    assert annotator.user.username in page
    assert "Is 3 m the same as 10 ft?" in page
    assert "HDMI cable, 3 m" in page
    assert "1 waits for an answer" in page
    assert re.findall(r"<span>([^<]*)</span> <b>", page) == [
        "Can you tell what the shopper wants?",
        "Is this the type of product asked for?",
    ]
    assert re.search(r'class="asked"><span>Does anything the query states contradict', page)


def test_questions_about_one_pair_stand_together(client: Client, annotator: Membership, lead: Membership) -> None:
    answer_inquiry(lead.project, ask(annotator, "The first").pk, lead.user, "An answer")
    other_pair = Pair.objects.filter(project=lead.project).latest("pk")
    ask(annotator, "Of another pair", other_pair)
    ask(make_member(lead.project), "The second")
    client.force_login(lead.user)
    page = client.get(url_of(lead, "inquiries")).content.decode()
    articles = page.split('<article class="card inquiry"')[1:]
    assert len(articles) == 2
    assert "Of another pair" in articles[0]
    assert articles[1].index("The first") < articles[1].index("An answer") < articles[1].index("The second")


def test_lead_answers_and_the_annotator_is_told_once(client: Client, annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    client.force_login(lead.user)
    sent = {"text": "The lengths differ.", "answer_key": "yes", "stood": ""}
    reply = client.post(url_of(lead, "inquiry", inquiry.pk) + "?state=waiting", sent)
    assert reply.headers["Location"] == url_of(lead, "inquiries") + "?state=waiting"
    assert client.post(url_of(lead, "inquiry", inquiry.pk), sent).status_code == 302  # sent twice
    client.force_login(annotator.user)
    assert "1 answer to your question" in client.get(url_of(annotator, "start")).content.decode()
    page = client.get(url_of(annotator, "inquiries")).content.decode()
    assert "New answer" in page
    assert "The lengths differ." in page
    assert "Yes, something contradicts" in page
    assert "New answer" not in client.get(url_of(annotator, "inquiries")).content.decode()
    assert "answer to your question" not in client.get(url_of(annotator, "start")).content.decode()


def test_lead_answers_and_adds_the_example(client: Client, annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    client.force_login(lead.user)
    sent = {"text": "The lengths differ.", "answer_key": "yes", "then": "example"}
    page = client.post(url_of(lead, "inquiry", inquiry.pk), sent, follow=True).content.decode()
    draft = GuidelineVersion.objects.get(project=lead.project, published_at=None)
    assert "HDMI cable, 3 m" in draft.source
    assert "The lengths differ." in draft.source
    there = reverse("draft", args=[lead.project.slug])
    assert page.count(f'<a href="{there}#question-conflict">the draft of version 2</a>') == 2
    assert 'id="question-conflict"' in client.get(there).content.decode()
    publish_draft(lead.project, draft_digest(draft), (), relabel=False, take_over=False, actor=lead.user)
    there = reverse("guideline-version", args=[lead.project.slug, 2])
    assert (
        f'<a href="{there}#question-conflict">version 2</a>' in client.get(url_of(lead, "inquiries")).content.decode()
    )
    assert 'id="question-conflict"' in client.get(there).content.decode()
    client.force_login(annotator.user)
    assert "a worked example of the guideline now" in client.get(url_of(annotator, "inquiries")).content.decode()
    inquiry.refresh_from_db()
    assert inquiry.example_in == draft


def test_example_without_the_right_answer_is_asked_for_and_nothing_typed_is_lost(
    client: Client, annotator: Membership, lead: Membership
) -> None:
    inquiry = ask(annotator)
    client.force_login(lead.user)
    for sent, says in (
        ({"text": "The lengths differ.", "then": "example"}, "Choose it"),
        ({"text": "", "answer_key": "yes"}, "Write the answer."),
        ({"text": "The lengths differ.", "answer_key": "maybe"}, "Select a valid choice"),
    ):
        reply = client.post(url_of(lead, "inquiry", inquiry.pk), sent)
        assert reply.status_code == 422
        assert says in reply.content.decode()
        assert sent["text"] in reply.content.decode()
    inquiry.refresh_from_db()
    assert inquiry.answered_at is None


def test_answered_question_becomes_an_example_later(client: Client, annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    answer_inquiry(lead.project, inquiry.pk, lead.user, "The lengths differ.", "yes")
    client.force_login(lead.user)
    page = client.get(url_of(lead, "inquiries")).content.decode()
    assert "Add as an example" in page
    page = client.post(url_of(lead, "inquiry-example", inquiry.pk), follow=True).content.decode()
    assert "It is a worked example" in page
    assert "Add as an example" not in page


def test_answer_is_kept_where_no_example_can_be_made(client: Client, annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    publish_guideline(lead.project, default_source().replace("conflict", "contradiction"), lead.user)
    client.force_login(lead.user)
    sent = {"text": "The lengths differ.", "answer_key": "yes", "then": "example"}
    page = client.post(url_of(lead, "inquiry", inquiry.pk), sent, follow=True).content.decode()
    assert "The answer is stored, but no example was made" in page
    assert "There is no question &#x27;conflict&#x27; in the text." in page
    by_hand = re.search(r'<a href="([^"]+)">Put it in by hand</a>', page)
    assert by_hand is not None
    form = client.get(html.unescape(by_hand[1])).content.decode()
    assert "HDMI cable, 3 m" in form
    assert "The lengths differ." in form
    inquiry.refresh_from_db()
    assert (inquiry.answer, inquiry.example_in) == ("The lengths differ.", None)


def test_lead_who_comes_second_sees_both_answers(client: Client, annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    answer_inquiry(lead.project, inquiry.pk, make_member(lead.project, Role.LEAD).user, "Theirs stands.")
    client.force_login(lead.user)
    reply = client.post(url_of(lead, "inquiry", inquiry.pk), {"text": "Mine is late.", "stood": ""})
    assert reply.status_code == 422
    page = reply.content.decode()
    assert "has answered meanwhile" in page
    assert "Theirs stands." in page
    assert "Mine is late.</textarea>" in page
    stood = re.search(r'name="stood" value="([^"]+)"', page)
    assert stood is not None
    again = {"text": "Mine is late.", "stood": stood[1]}
    assert client.post(url_of(lead, "inquiry", inquiry.pk), again).status_code == 302
    inquiry.refresh_from_db()
    assert inquiry.answer == "Mine is late."


def test_lead_is_told_of_a_gold_pair_and_of_a_text_that_changed(
    client: Client, annotator: Membership, lead: Membership
) -> None:
    inquiry = ask(annotator)
    client.force_login(lead.user)
    page = client.get(url_of(lead, "inquiry", inquiry.pk)).content.decode()
    assert "gold pair" not in page
    assert "changed its text" not in page
    make_gold(lead.project, "S", pair=inquiry.pair)
    revision = inquiry.revision
    revision.pk, revision.title, revision.digest, revision.number = None, "HDMI cable, three metres", uuid.uuid4(), 2
    revision.save()
    inquiry.pair.product.revision = revision
    inquiry.pair.product.save()
    page = without_marks(client.get(url_of(lead, "inquiry", inquiry.pk)).content.decode())
    assert "A gold pair" in page
    assert "changed its text since" in page
    assert "HDMI cable, 3 m" in page
    assert "three metres" not in page


def test_list_is_filtered_and_says_when_nothing_is_found(
    client: Client, annotator: Membership, lead: Membership
) -> None:
    client.force_login(lead.user)
    assert "Nobody has asked yet" in client.get(url_of(lead, "inquiries")).content.decode()
    ask(annotator, "About feet")
    for query, shown in (
        ("?state=waiting", True),
        ("?state=answered", False),
        ("?q=feet", True),
        ("?q=inch", False),
        ("?question=conflict", True),
        ("?state=burnt", True),
    ):
        page = client.get(url_of(lead, "inquiries") + query).content.decode()
        assert ("About feet" in page) == shown, query
        assert ("Nothing found" in page) != shown, query


def test_lead_sees_answers_to_their_own_questions(client: Client, lead: Membership) -> None:
    answer_inquiry(lead.project, ask(lead).pk, make_member(lead.project, Role.LEAD).user, "Compare.")
    assert new_answers(lead.user) == {lead.project_id: 1}
    client.force_login(lead.user)
    client.get(url_of(lead, "inquiries"))
    assert new_answers(lead.user) == {}


def test_pages_cost_the_same_queries_at_two_sizes(
    client: Client, annotator: Membership, lead: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    pairs = list(Pair.objects.filter(project=annotator.project))
    for count in (1, 5):
        for number in range(count):
            inquiry = ask(annotator, f"Question {number}", pairs[number % 3])
            if number % 2:
                answer_inquiry(lead.project, inquiry.pk, lead.user, "No.", "no")
        for member, most in ((annotator, 5), (lead, 9)):
            client.force_login(member.user)
            with django_assert_max_num_queries(most):
                assert client.get(url_of(member, "inquiries")).status_code == 200


def test_long_lists_are_paged(client: Client, annotator: Membership, lead: Membership) -> None:
    for number in range(51):
        ask(annotator, f"Question {number}.")
    client.force_login(annotator.user)
    page = client.get(url_of(annotator, "inquiries")).content.decode()
    assert "1 to 50 of 51" in page
    assert "Question 0." in client.get(url_of(annotator, "inquiries") + "?page=2").content.decode()


def test_list_of_projects_says_where_an_answer_is_new(client: Client, annotator: Membership, lead: Membership) -> None:
    other = make_project()
    add_member(other, annotator.user, Role.ANNOTATOR)
    assert "News" not in client.get(reverse("home")).content.decode()
    for _ in range(2):
        answer_inquiry(lead.project, ask(annotator).pk, lead.user, "No.")
    page = client.get(reverse("home")).content.decode()
    assert page.count("2 answers to your questions") == 1
    assert page.index(annotator.project.name) < page.index("2 answers to your questions")


@pytest.mark.parametrize("desk", ["pair", "shelf"])
@pytest.mark.parametrize("pairs", [0, 2])
def test_desk_says_that_an_answer_is_new(client: Client, desk: str, pairs: int) -> None:
    project = make_project(desk=desk)
    pair = make_pair(project)
    make_round(project, [pair])
    member, lead = make_member(project), make_member(project, Role.LEAD)
    inquiry = ask(member, pair=pair)
    judge(make_member(project))
    judge(member)
    make_round(project, [make_pair(project) for _ in range(pairs)])
    client.force_login(member.user)
    assert "answer to your question" not in client.get(url_of(member, "judge")).content.decode()
    answer_inquiry(project, inquiry.pk, lead.user, "No.")
    assert client.get(url_of(member, "judge")).content.decode().count("1 answer to your question") == 1
