"""One person's browser: signs in, takes pairs from the desk, posts answers. Nothing but HTTP."""

import time
from types import TracebackType
from typing import Self

import httpx

from simulation.desk import Desk, read_desk, read_token

TIMEOUT = 60.0
# An answer is sent again, with the same key, when the server could not be reached or had a problem.
RETRY_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
HTMX = {"HX-Request": "true"}


class RefusedError(RuntimeError):
    """The server refused a request; the message holds its words."""


class Browser:
    """A signed-in session on a Winnow at `address`, in one project. Not for several threads."""

    def __init__(self, address: str, slug: str) -> None:
        self.slug = slug
        self._client = httpx.Client(base_url=address, timeout=TIMEOUT, follow_redirects=False)
        self._token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def sign_in(self, username: str, password: str) -> None:
        """Sign in by the form. Raises RefusedError where name and password do not fit."""
        token = read_token(self._request("GET", "/accounts/login/").text)
        answer = self._client.post(
            "/accounts/login/", data={"username": username, "password": password, "csrfmiddlewaretoken": token}
        )
        if answer.status_code != httpx.codes.FOUND:
            raise RefusedError(f"{username} could not sign in (status {answer.status_code})")

    def judge_page(self) -> Desk | None:
        """Open the judge page: the pair that waits, or None."""
        return self._desk("GET", f"/p/{self.slug}/judge/")

    def again_page(self) -> Desk | None:
        """Open the page of answers that are asked again: the pair that waits, or None."""
        return self._desk("GET", f"/p/{self.slug}/again/")

    def audit_page(self) -> Desk | None:
        """Open the audit page: the item that waits, or None."""
        return self._desk("GET", f"/p/{self.slug}/audit/")

    def submit(self, desk: Desk, path: str) -> Desk | None:
        """Post the whole walk; the reply is the next pair, or None."""
        return self._desk("POST", desk.action, {**desk.fields, "path": path})

    def skip(self, desk: Desk, reason: str) -> Desk | None:
        """Say that the pair cannot be judged."""
        return self._desk("POST", f"{desk.action}skip/", {**desk.fields, "reason": reason})

    def undo(self) -> Desk | None:
        """Take the last judgment back; its pair is on the desk again."""
        return self._desk("POST", f"/p/{self.slug}/judge/undo/", {"csrfmiddlewaretoken": self._token})

    def give_verdict(self, desk: Desk, path: str) -> str:
        """Post an auditor's walk; return the page that shows the judge's label."""
        return self._request("POST", desk.action, {**desk.fields, "path": path}).text

    def draw_audit(self, size: int) -> None:
        """Draw a new sample of the judge's labels."""
        page = f"/p/{self.slug}/audits/"
        token = read_token(self._request("GET", page, htmx=False).text)
        self._request("POST", page, {"size": str(size), "csrfmiddlewaretoken": token}, htmx=False)

    def summary(self) -> dict[str, object]:
        """Return the project's summary; for leads."""
        numbers: dict[str, object] = self._request("GET", f"/api/projects/{self.slug}/summary").json()
        return numbers

    def _desk(self, method: str, url: str, data: dict[str, str] | None = None) -> Desk | None:
        desk = read_desk(self._request(method, url, data).text)
        if desk is not None:
            self._token = desk.fields["csrfmiddlewaretoken"]
        return desk

    def _request(self, method: str, url: str, data: dict[str, str] | None = None, htmx: bool = True) -> httpx.Response:
        """Ask, and ask again where that may help. Raises RefusedError for everything else than success."""
        headers = HTMX if htmx else {}
        for pause in (*RETRY_PAUSES, None):
            try:
                answer = self._client.request(method, url, data=data, headers=headers)
            except httpx.TransportError as error:
                if pause is None:
                    raise RefusedError(f"{method} {url}: the server cannot be reached ({error})") from error
            else:
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR or pause is None:
                    break
            time.sleep(pause or 0)
        signed_out = "/accounts/login/" in answer.headers.get("location", "") and url != "/accounts/login/"
        if signed_out or not (answer.is_success or answer.is_redirect):
            words = "signed out" if signed_out else " ".join(answer.text.split())[:300]
            raise RefusedError(f"{method} {url}: status {answer.status_code}: {words}")
        return answer
