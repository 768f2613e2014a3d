"""What an annotator sees: the judge page read as a browser reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Desk:
    """The pair on the desk, the hidden fields of the form that takes its walk, and where that is posted to.

    `asks` has the words of each question of the tree, by its id.
    """

    query: str
    product_id: str
    locale: str
    action: str
    fields: Mapping[str, str]
    answers: tuple[str, ...]
    asks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class PageError(ValueError):
    """The page is not what a browser expected there."""


@dataclass(slots=True)
class _Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    asks: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    """Collects the desk, the pair and the forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.desk: dict[str, str] | None = None
        self.pair: dict[str, str] | None = None
        self.forms: dict[str, _Form] = {}
        self._form: _Form | None = None
        self._question = ""
        self._asks: list[str] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if values.get("id") == "desk":
            self.desk = values
        elif tag == "article" and "data-product" in values:
            self.pair = values
        elif tag == "form":
            self._form = _Form(values.get("action", ""))
            self.forms.setdefault(values.get("id", ""), self._form)
        elif tag == "section":
            self._question = values.get("data-question", "")
        elif tag == "h2" and self._question:
            self._asks = []
        elif tag == "input" and self._form is not None and "name" in values:
            self._form.fields[values["name"]] = values.get("value", "")
        elif tag == "button" and self._form is not None and values.get("name") == "answer":
            self._form.answers.append(values["value"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "section":
            self._question = ""
        elif tag == "h2" and self._asks is not None:
            if self._form is not None:
                self._form.asks[self._question] = " ".join("".join(self._asks).split())
            self._asks = None

    def handle_data(self, data: str) -> None:
        if self._asks is not None:
            self._asks.append(data)


def read_desk(html: str) -> Desk | None:
    """Return what is on the desk; None where nothing is waiting.

    Raises PageError for a page without a desk, such as the one to sign in, or with a desk that lacks its form.
    """
    page = _Page(html)
    if page.desk is None:
        raise PageError(f"the page has no desk: {_start(html)}")
    if page.desk.get("data-state") == "empty":
        return None
    walk = page.forms.get("walk")
    if page.pair is None or walk is None:
        raise PageError(f"the desk has no {'pair' if walk else 'form'}: {_start(html)}")
    return Desk(
        query=page.pair["data-query"],
        product_id=page.pair["data-product"],
        locale=page.pair.get("data-locale", ""),
        action=walk.action,
        fields=walk.fields,
        answers=tuple(walk.answers),
        asks=walk.asks,
    )


def read_token(html: str) -> str:
    """Return the token that the page's forms are posted with. Raises PageError where no form has one."""
    for form in _Page(html).forms.values():
        if "csrfmiddlewaretoken" in form.fields:
            return form.fields["csrfmiddlewaretoken"]
    raise PageError(f"no form of the page has a token: {_start(html)}")


def _start(html: str) -> str:
    return " ".join(html.split())[:200] or "it is empty"
