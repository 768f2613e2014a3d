"""The questions that annotators ask about pairs, and the lead's answers."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.access import for_roles
from labeling.actions.inquiries import AnsweredMeanwhile, NoRightAnswer, answer_inquiry, make_example, mark_seen
from labeling.actions.judgments import tree_of
from labeling.exchange.marking import words_of
from labeling.forms.inquiries import InquiriesForm, InquiryAnswerForm
from labeling.guidelines.edit import GuidelineEditError
from labeling.guidelines.tree import Guideline, Question
from labeling.guidelines.walk import parse_path
from labeling.models import GuidelineVersion, Inquiry, Membership, Project, Role
from labeling.queries.gold import known_answers
from labeling.queries.inquiries import asked_pairs, asked_questions, inquiries_about, inquiries_of, waiting_inquiries
from labeling.queries.projects import published_version
from labeling.views.desk import as_read
from labeling.views.frame import project_page
from labeling.views.product import language_of, product_context

PAIRS_A_PAGE = 20
QUESTIONS_A_PAGE = 50


@require_safe
@for_roles(Role.ANNOTATOR, Role.LEAD)
def inquiries(request: HttpRequest, member: Membership) -> HttpResponse:
    """To a lead all questions, those that wait first; to annotators their own, those with a new answer first."""
    return _every_question(request, member) if member.role == Role.LEAD else _own_questions(request, member)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def inquiry(request: HttpRequest, member: Membership, inquiry_id: int) -> HttpResponse:
    """GET: a question, with the others about its pair. POST: answer it, and make it an example if that is asked for."""
    found = get_object_or_404(Inquiry, pk=inquiry_id, project=member.project)
    if request.method != "POST":
        return _one_pair(request, member, found)
    form = InquiryAnswerForm(found, _asked_at(member.project, found), request.POST)
    example = request.POST.get("then") == "example"
    if example and form.is_valid() and not form.cleaned_data["answer_key"]:
        form.add_error("answer_key", "Choose it: a worked example says which answer is right.")
    if not form.is_valid():
        return _one_pair(request, member, found, form)
    said = form.cleaned_data
    try:
        answer_inquiry(member.project, found.pk, member.user, said["text"], said["answer_key"], said["stood"])
    except AnsweredMeanwhile as late:
        return _one_pair(request, member, found, form.instead_of(late.inquiry))
    messages.success(request, "Answered. Whoever asked is told on their home page.")
    if example:
        _add_example(request, member, found)
    return _to_list(request, member)


@require_POST
@for_roles(Role.LEAD)
def inquiry_example(request: HttpRequest, member: Membership, inquiry_id: int) -> HttpResponse:
    """Make an answered question a worked example of the guideline's draft."""
    _add_example(request, member, get_object_or_404(Inquiry, pk=inquiry_id, project=member.project))
    return _to_list(request, member)


def _add_example(request: HttpRequest, member: Membership, found: Inquiry) -> None:
    """Put the question into the draft and say where it is, or why that could not be done."""
    try:
        version = make_example(member.project, found.pk, member.user)
    except NoRightAnswer as error:
        messages.error(request, f"No example was made. {error}")
        return
    except GuidelineEditError as error:
        says = 'The answer is stored, but no example was made of it. {} <a href="{}">Put it in by hand</a>'
        messages.error(request, format_html(says, error.reason, _by_hand(member.project, found.pk)))
        return
    url = _place_url(member.project, version, found.question)
    there = format_html('<a href="{}">{}</a>', url, _version_name(version))
    messages.success(request, format_html("It is a worked example of “{}” in {}.", found.question, there))


def _by_hand(project: Project, inquiry_id: int) -> str:
    """Return the address of the workshop's form for an example, filled in as far as can be."""
    asked = Inquiry.objects.select_related("pair__query", "revision").get(pk=inquiry_id)
    example = {
        "at": f"{asked.question}:{asked.answer_key}",
        "query": asked.pair.query.text,
        "product": asked.revision.title,
        "why": asked.answer,
    }
    return f"{reverse('draft-example', args=[project.slug])}?{urlencode(example)}"


def _version_name(version: GuidelineVersion) -> str:
    return f"version {version.number}" if version.published_at else f"the draft of version {version.number}"


def _place_url(project: Project, version: GuidelineVersion, question_id: str) -> str:
    """Return the address of a question in a version, a draft or a published one."""
    if version.published_at is None:
        page = reverse("draft", args=[project.slug])
    else:
        page = reverse("guideline-version", args=[project.slug, version.number])
    return f"{page}#question-{question_id}"


def _every_question(request: HttpRequest, member: Membership) -> HttpResponse:
    project = member.project
    form = InquiriesForm(asked_questions(project), request.GET)
    chosen = {name: value for name, value in form.cleaned_data.items() if value} if form.is_valid() else {}
    page = Paginator(asked_pairs(project, **chosen), PAIRS_A_PAGE).get_page(request.GET.get("page"))
    rest = urlencode(chosen)
    context = {
        "page": page,
        "pairs": _pairs(member, [row["pair"] for row in page]),
        "waiting": waiting_inquiries(project),
        "form": form,
        "filtered": bool(chosen),
        "rest": f"{rest}&" if rest else "",
    }
    return project_page(request, member, "inquiries/page.html", "inquiries", context)


def _one_pair(
    request: HttpRequest, member: Membership, found: Inquiry, form: InquiryAnswerForm | None = None
) -> HttpResponse:
    """Show all questions about a question's pair; `form` is what was sent to answer it, where that is not in order."""
    project = member.project
    crumbs = [
        {"text": "Questions", "url": reverse("inquiries", args=[project.slug])},
        {"text": "One pair", "url": ""},
    ]
    pairs = _pairs(member, [found.pair_id], {found.pk: form} if form else {})
    context = {"pairs": pairs, "crumbs": crumbs, "rest": request.GET.urlencode()}
    return project_page(request, member, "inquiries/pair.html", "inquiries", context, 422 if form else 200)


def _pairs(
    member: Membership, pair_ids: Collection[int], sent: Mapping[int, InquiryAnswerForm] | None = None
) -> list[dict[str, Any]]:
    """Return the pairs with all that was asked about them, and notice that the lead has seen answers to their own."""
    project = member.project
    about = inquiries_about(project, pair_ids)
    gold = known_answers(project, pair_ids)
    found = [
        {
            "query": asked[0].pair.query,
            "query_lang": language_of(asked[0].pair.query.locale),
            "changed": asked[-1].revision_id != asked[-1].pair.product.revision_id,
            "product": _product_of(asked[-1]),
            "gold": gold.get(pair_id),
            "inquiries": [_with_form(project, one, (sent or {}).get(one.pk)) for one in asked],
        }
        for pair_id, asked in about.items()
        if asked
    ]
    mark_seen(member.user, [one for asked in about.values() for one in asked])
    return found


def _product_of(asked: Inquiry) -> dict[str, Any]:
    """Return the product for its card, with the text that the person saw who asked."""
    product = asked.pair.product
    product.revision = asked.revision
    return product_context(product, words_of(asked.pair.query.text))


def _with_form(project: Project, asked: Inquiry, sent: InquiryAnswerForm | None) -> dict[str, Any]:
    tree = _tree_of(project, asked)
    return {
        "asked": asked,
        "steps": _steps(tree, asked),
        "right": _answer_text(tree, asked),
        "form": sent or InquiryAnswerForm(asked, tree.questions[asked.question]),
        "open": sent is not None,
        "example": asked.example_in and _version_name(asked.example_in),
        "example_url": asked.example_in and _place_url(project, asked.example_in, asked.question),
    }


def _own_questions(request: HttpRequest, member: Membership) -> HttpResponse:
    project = member.project
    page = Paginator(inquiries_of(project, member.user), QUESTIONS_A_PAGE).get_page(request.GET.get("page"))
    rows = []
    for one in page:
        tree = _tree_of(project, one)
        published = one.example_in if one.example_in and one.example_in.published_at else None
        rows.append(
            {
                "asked": one,
                "ask": tree.questions[one.question].ask,
                "right": _answer_text(tree, one),
                "new": one.answered_at is not None and one.seen_at is None,
                "example": published,
            }
        )
    mark_seen(member.user, list(page))
    return project_page(request, member, "inquiries/mine.html", "inquiries", {"page": page, "rows": rows})


def _to_list(request: HttpRequest, member: Membership) -> HttpResponse:
    """Lead back to the list as it was filtered."""
    reply = redirect("inquiries", slug=member.project.slug)
    if request.GET:
        reply["Location"] += f"?{request.GET.urlencode()}"
    return reply


def _tree_of(project: Project, asked: Inquiry) -> Guideline:
    """Return the version that the question is about, in the reader's language."""
    return as_read(tree_of(project, published_version(project, asked.guideline_id)))


def _asked_at(project: Project, asked: Inquiry) -> Question:
    return _tree_of(project, asked).questions[asked.question]


def _answer_text(tree: Guideline, asked: Inquiry) -> str:
    """Return the words of the answer that the lead says is right; nothing where they did not say."""
    answer = tree.questions[asked.question].answer(asked.answer_key)
    return answer.text if answer else ""


def _steps(tree: Guideline, asked: Inquiry) -> list[dict[str, Any]]:
    """Return the walk for components/path.html, and at its end the question that was asked about."""
    steps = [
        {"ask": tree.questions[question_id].ask, "answer": answer.text if answer else key}
        for question_id, key in parse_path(asked.path)
        for answer in [tree.questions[question_id].answer(key)]
    ]
    return [*steps, {"ask": tree.questions[asked.question].ask, "asked": True}]
