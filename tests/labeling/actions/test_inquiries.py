"""Questions to the lead, and what becomes of them."""

import uuid
from typing import Any

import pytest

from labeling.actions.guidelines import publish_guideline
from labeling.actions.inquiries import (
    AnsweredMeanwhile,
    Asked,
    NoRightAnswer,
    answer_inquiry,
    ask_lead,
    make_example,
    mark_seen,
)
from labeling.guidelines.edit import GuidelineEditError
from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.walk import PathError
from labeling.models import AuditLogEntry, GuidelineVersion, Inquiry, Membership, Pair, Project, Role
from labeling.queries.inquiries import asked_pairs, inquiries_of, new_answers, waiting_inquiries
from labeling.queries.projects import labels_of, published_guideline
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

CONFLICT = "need:yes,type:yes"


@pytest.fixture
def annotator() -> Membership:
    project = make_project()
    make_round(project, [make_pair(project, "hdmi cable 10 ft", "HDMI cable, 3 m") for _ in range(3)])
    return make_member(project)


@pytest.fixture
def lead(annotator: Membership) -> Membership:
    return make_member(annotator.project, Role.LEAD)


def asked(member: Membership, **changes: Any) -> Asked:
    """Return what a desk sends about the project's first pair."""
    fields: dict[str, Any] = {
        "pair_id": Pair.objects.filter(project=member.project).earliest("pk").pk,
        "key": uuid.uuid4(),
        "guideline": published_guideline(member.project),
        "path": CONFLICT,
        "text": "Is 3 m the same as 10 ft?",
    }
    return Asked(**(fields | changes))


def ask(member: Membership, **changes: Any) -> Inquiry:
    return ask_lead(member.project, member.user, asked(member, **changes))


def verbs(project: Project) -> list[str]:
    found = AuditLogEntry.objects.filter(project=project, verb__startswith="inquiry").order_by("pk")
    return list(found.values_list("verb", flat=True))


def examples_of(version: GuidelineVersion, question: str) -> list[tuple[str, str, str, str]]:
    tree = parse_guideline(version.source, [label.key for label in labels_of(version.project)])
    return [(one.query, one.product, one.answer, one.why) for one in tree.questions[question].examples]


def test_question_keeps_the_pair_the_walk_and_where_it_stands(annotator: Membership) -> None:
    inquiry = ask(annotator)
    assert (inquiry.path, inquiry.question) == (CONFLICT, "conflict")
    assert inquiry.revision == inquiry.pair.product.revision
    assert inquiry.guideline == published_guideline(annotator.project)
    assert verbs(annotator.project) == ["inquiry.ask"]
    assert waiting_inquiries(annotator.project) == 1


def test_question_before_the_first_answer_and_after_the_last_stands_at_a_question(annotator: Membership) -> None:
    assert ask(annotator, path="").question == "need"
    at_the_end = ask(annotator, path=PATHS["E"])
    assert (at_the_end.question, at_the_end.path) == ("silent", "need:yes,type:yes,conflict:no")


def test_question_sent_twice_is_one_and_its_newer_text_counts_until_it_is_answered(
    annotator: Membership, lead: Membership
) -> None:
    sent = asked(annotator)
    first = ask_lead(annotator.project, annotator.user, sent)
    assert ask_lead(annotator.project, annotator.user, sent) == first
    again = ask(annotator, key=sent.key, text="Is 3 m as good as 10 ft?")
    assert (again, again.text) == (first, "Is 3 m as good as 10 ft?")
    answer_inquiry(lead.project, first.pk, lead.user, "Nearly.")
    ask(annotator, key=sent.key, text="Too late")
    first.refresh_from_db()
    assert first.text == "Is 3 m as good as 10 ft?"
    assert Inquiry.objects.filter(project=annotator.project).count() == 1
    assert verbs(annotator.project) == ["inquiry.ask", "inquiry.answer"]


def test_question_under_a_key_of_another_one_is_refused(annotator: Membership, lead: Membership) -> None:
    first = ask(annotator)
    with pytest.raises(ValueError, match="another question"):
        ask(lead, key=first.key)
    other_pair = Pair.objects.filter(project=annotator.project).latest("pk")
    with pytest.raises(ValueError, match="another question"):
        ask(annotator, key=first.key, pair_id=other_pair.pk)


def test_question_about_what_was_never_on_a_desk_is_refused(annotator: Membership) -> None:
    unqueued = make_pair(annotator.project)
    elsewhere = make_pair(make_project())
    for pair in (unqueued, elsewhere):
        with pytest.raises(Pair.DoesNotExist):
            ask(annotator, pair_id=pair.pk)
    with pytest.raises(PathError):
        ask(annotator, path="need:yes,job:no")
    with pytest.raises(Membership.DoesNotExist):
        ask_lead(annotator.project, make_member(make_project()).user, asked(annotator))
    assert not Inquiry.objects.filter(project=annotator.project).exists()


def test_answer_is_new_to_whoever_asked_until_it_is_seen(annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    assert new_answers(annotator.user) == {}
    answer_inquiry(lead.project, inquiry.pk, lead.user, "No: compare the lengths.", "yes")
    inquiry.refresh_from_db()
    assert (inquiry.answer, inquiry.answer_key, inquiry.answered_by) == ("No: compare the lengths.", "yes", lead.user)
    assert waiting_inquiries(lead.project) == 0
    assert new_answers(annotator.user) == {annotator.project_id: 1}
    assert new_answers(lead.user) == {}
    assert mark_seen(lead.user, [inquiry]) == 0
    assert mark_seen(annotator.user, [inquiry]) == 1
    assert mark_seen(annotator.user, [inquiry]) == 0
    assert new_answers(annotator.user) == {}


def test_changed_answer_is_new_again_and_the_same_one_is_not(annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    first = answer_inquiry(lead.project, inquiry.pk, lead.user, "No.")
    mark_seen(annotator.user, [first])
    answer_inquiry(lead.project, inquiry.pk, lead.user, "No.")
    assert new_answers(annotator.user) == {}
    answer_inquiry(lead.project, inquiry.pk, lead.user, "No.", "yes", instead_of=first.answered_at)
    assert new_answers(annotator.user) == {annotator.project_id: 1}
    assert verbs(lead.project) == ["inquiry.ask", "inquiry.answer", "inquiry.answer"]


def test_second_lead_does_not_write_over_the_first_ones_answer(annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    other = make_member(lead.project, Role.LEAD)
    stands = answer_inquiry(lead.project, inquiry.pk, lead.user, "No.")
    with pytest.raises(AnsweredMeanwhile, match="answered meanwhile"):
        answer_inquiry(lead.project, inquiry.pk, other.user, "Yes.")
    inquiry.refresh_from_db()
    assert inquiry.answer == "No."
    answer_inquiry(lead.project, inquiry.pk, other.user, "Yes.", instead_of=stands.answered_at)
    inquiry.refresh_from_db()
    assert (inquiry.answer, inquiry.answered_by) == ("Yes.", other.user)


@pytest.mark.parametrize(("text", "key", "says"), [("  ", "yes", "words"), ("No.", "maybe", "answers are yes, no")])
def test_answer_that_is_none_is_refused(
    annotator: Membership, lead: Membership, text: str, key: str, says: str
) -> None:
    inquiry = ask(annotator)
    with pytest.raises(ValueError, match=says):
        answer_inquiry(lead.project, inquiry.pk, lead.user, text, key)
    assert waiting_inquiries(lead.project) == 1


def test_answer_to_a_question_of_another_project_is_not_there(annotator: Membership) -> None:
    inquiry = ask(annotator)
    elsewhere = make_member(make_project(), Role.LEAD)
    for act in (
        lambda: answer_inquiry(elsewhere.project, inquiry.pk, elsewhere.user, "No."),
        lambda: make_example(elsewhere.project, inquiry.pk, elsewhere.user),
    ):
        with pytest.raises(Inquiry.DoesNotExist):
            act()


def test_answer_becomes_a_worked_example_of_the_draft_once(annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    answer_inquiry(lead.project, inquiry.pk, lead.user, "Yes: 3 m is 9.8 ft,\nso the lengths differ.", "yes")
    draft = make_example(lead.project, inquiry.pk, lead.user)
    assert draft.published_at is None
    example = ("hdmi cable 10 ft", "HDMI cable, 3 m", "yes", "Yes: 3 m is 9.8 ft, so the lengths differ.")
    before = examples_of(published_guideline(lead.project), "conflict")
    assert examples_of(draft, "conflict") == [*before, example]
    assert make_example(lead.project, inquiry.pk, lead.user) == draft
    draft.refresh_from_db()
    assert examples_of(draft, "conflict") == [*before, example]
    assert verbs(lead.project).count("inquiry.example") == 1


def test_example_needs_the_right_answer(annotator: Membership, lead: Membership) -> None:
    inquiry = ask(annotator)
    with pytest.raises(NoRightAnswer):
        make_example(lead.project, inquiry.pk, lead.user)
    answer_inquiry(lead.project, inquiry.pk, lead.user, "Think of the shopper.")
    with pytest.raises(NoRightAnswer):
        make_example(lead.project, inquiry.pk, lead.user)
    assert not GuidelineVersion.objects.filter(project=lead.project, published_at=None).exists()


def test_answer_stays_where_the_guideline_has_no_such_question_any_more(
    annotator: Membership, lead: Membership
) -> None:
    inquiry = ask(annotator)
    renamed = default_source().replace("conflict", "contradiction")
    publish_guideline(lead.project, renamed, lead.user)
    answer_inquiry(lead.project, inquiry.pk, lead.user, "The lengths differ.", "yes")
    with pytest.raises(GuidelineEditError, match="no question 'conflict'"):
        make_example(lead.project, inquiry.pk, lead.user)
    inquiry.refresh_from_db()
    assert (inquiry.answer, inquiry.example_in) == ("The lengths differ.", None)
    assert "inquiry.example" not in verbs(lead.project)


def test_pairs_with_what_waits_come_first_the_longest_waiting_before_all(
    annotator: Membership, lead: Membership
) -> None:
    one, two, three = (pair.pk for pair in Pair.objects.filter(project=lead.project).order_by("pk"))
    answered = [ask(annotator, pair_id=pair) for pair in (one, two)]
    for inquiry in answered:
        answer_inquiry(lead.project, inquiry.pk, lead.user, "Compare the lengths.")
    ask(annotator, pair_id=three, text="What is ft?")
    ask(annotator, pair_id=one, path="")
    assert list(asked_pairs(lead.project)) == [
        {"pair": three, "waiting": 1},
        {"pair": one, "waiting": 1},
        {"pair": two, "waiting": 0},
    ]

    def shown(**filters: str) -> list[int]:
        return [row["pair"] for row in asked_pairs(lead.project, **filters)]

    assert shown(state="waiting") == [three, one]
    assert shown(state="answered") == [two]
    assert shown(question="need") == [one]
    assert shown(q="WHAT IS FT") == [three]
    assert set(shown(q="compare the")) == {one, two}
    assert shown(q="%") == []
    assert list(asked_pairs(make_project())) == []


def test_own_questions_are_ones_own_with_new_answers_first(annotator: Membership, lead: Membership) -> None:
    other = make_member(annotator.project)
    first, second = ask(annotator), ask(annotator, path="")
    ask(other)
    assert list(inquiries_of(annotator.project, annotator.user)) == [second, first]
    answer_inquiry(lead.project, first.pk, lead.user, "No.")
    assert list(inquiries_of(annotator.project, annotator.user)) == [first, second]
