"""Product texts made safe to show."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.exchange.markup import BLOCKS, MAX_TAGS, bullets, clean_html

TAG = re.compile(r"</?([a-z]+)>")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Plain text", "Plain text"),
        ("<b>Hot</b> &amp; <i>cold</i>", "<b>Hot</b> &amp; <i>cold</i>"),
        ("<ul><li>One<li>Two</ul>", "<ul><li>One</li><li>Two</li></ul>"),
        ("<p>One<p>Two", "<p>One</p><p>Two</p>"),
        ("<b>never closed", "<b>never closed</b>"),
        ("a\n\n  b\t&nbsp; c", "a b c"),
        ("one<br><br/><BR><br />two", "one<br><br>two"),
        ("broken &am; &#39; &#xZZ; &", "broken &amp;am; ' &amp;#xZZ; &amp;"),
        ("5 < 6 and &lt;b&gt; stays text", "5 &lt; 6 and &lt;b&gt; stays text"),
        ("<b> </b><br>&nbsp;<p></p>", ""),
        ("", ""),
    ],
)
def test_clean_html_keeps_what_can_be_read(text: str, html: str) -> None:
    assert clean_html(text) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>safe", "safe"),
        ("<style>p{color:red}</style>safe", "safe"),
        ("<img src=x onerror=alert(1)>safe", "safe"),
        ('<a href="javascript:alert(1)">safe</a>', "safe"),
        ('<b onclick="alert(1)" style="position:fixed">safe</b>', "<b>safe</b>"),
        ("<!-- hidden -->safe", "safe"),
        ("<scr<script>ipt>alert(1)</script>safe", "ipt&gt;alert(1)safe"),
        ("<svg><p><style><img src=1 onerror=alert(1)></style>safe", "<p>safe</p>"),
        ("<h1>safe</h1><iframe src=//example.org></iframe>", "safe"),
    ],
)
def test_clean_html_takes_out_what_acts(text: str, html: str) -> None:
    assert clean_html(text) == html


@given(st.text(st.sampled_from("<>/b&;\"'= \nascriptonload!-")))
def test_clean_html_lets_only_bare_listed_tags_through(text: str) -> None:
    cleaned = clean_html(text)

    assert set(TAG.findall(cleaned)) <= BLOCKS
    assert "<" not in TAG.sub("", cleaned)


@given(st.text(st.sampled_from("<>/bip& \nxy")))
def test_clean_html_of_cleaned_html_is_the_same(text: str) -> None:
    cleaned = clean_html(text)

    assert clean_html(cleaned) == cleaned


def test_clean_html_is_quick_on_tags_that_are_never_closed() -> None:
    started = time.monotonic()

    assert clean_html("<b>" * 100_000 + "text") == "text"
    assert clean_html("<b>" * MAX_TAGS + "text").startswith("<b><b>")
    assert bullets("<i>" * 100_000 + "text") == ["text"]
    assert time.monotonic() - started < 5


def test_clean_html_shows_too_many_tags_as_text() -> None:
    assert clean_html("<p>one</p> 3 < 4 & <script>" * MAX_TAGS).startswith("one 3 &lt; 4 &amp; one 3")


def test_bullets_are_lines_without_their_markers() -> None:
    text = "• First\n\n- Second <b>bold\n* * Third\r\n-5°C to 10°C\n-\n &nbsp; \n✔ Sixth"

    assert bullets(text) == ["First", "Second <b>bold</b>", "Third", "-5°C to 10°C", "✔ Sixth"]


def test_bullets_hold_no_blocks() -> None:
    assert bullets("<ul><li>One</li></ul>\n<p>Two<br>more</p>") == ["One", "Two more"]


def test_bullets_of_nothing_are_none() -> None:
    assert bullets("") == []
    assert bullets("\n<b></b>\n") == []
