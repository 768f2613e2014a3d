"""Tables on pages and in files."""

import csv
import io

import pytest

from labeling.views.tables import Column, Kind, Row, Table, cell, csv_response, harmless, table_context

ESTIMATE = {"value": 0.8251234567, "low": 0.75, "high": 0.9, "n": 1204}
TABLE = Table(
    "Agreement by question",
    (
        Column("Id", "question", exported=True),
        Column("Question", "asks"),
        Column("Answered alike", "alike", Kind.ESTIMATE, "share"),
        Column("Reached", "reached", Kind.COUNT, "pairs"),
    ),
    (
        Row(("type", "Is it?", ESTIMATE, 1204), {"alike": "/pairs?question=type"}, wanting=True),
        Row(("=2+2", '"Quoted", and more', None, None)),
        Row(("need", "Why?", ESTIMATE | {"value": None, "low": None, "high": None, "n": 0}, 0)),
    ),
    most=2,
)


def test_page_shows_the_first_rows_without_what_is_for_files() -> None:
    found = table_context(TABLE)
    assert [column["text"] for column in found["columns"]] == ["Question", "Answered alike", "Reached"]
    assert [column["numeric"] for column in found["columns"]] == [False, True, True]
    assert [row["wanting"] for row in found["rows"]] == [True, False]
    assert found["rows"][0]["cells"] == [
        {"text": "Is it?", "more": "", "href": ""},
        {"text": "0.83", "more": "0.75 to 0.90", "href": "/pairs?question=type"},
        {"text": "1,204", "more": "", "href": ""},
    ]
    assert (found["rest"], found["file"]) == ("1 more row is in the file.", "All 3 as CSV")


def test_file_has_every_row_and_column_with_units() -> None:
    response = csv_response(TABLE, "questions.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="questions.csv"'
    rows = list(csv.reader(io.StringIO(response.getvalue().decode())))
    assert rows == [
        ["question", "asks", "alike (share)", "alike low (share)", "alike high (share)", "alike n", "reached (pairs)"],
        ["type", "Is it?", "0.825123", "0.75", "0.9", "1204", "1204"],
        ["'=2+2", '"Quoted", and more', "", "", "", "0", ""],
        ["need", "Why?", "", "", "", "0", "0"],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "＝1"])
def test_words_that_a_spreadsheet_would_compute_are_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Is it?", "2-3", "a=b", "100 % wool", "'quoted'"])
def test_other_words_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_estimate_on_little_says_how_much_is_missing() -> None:
    assert cell(Kind.ESTIMATE, ESTIMATE | {"n": 13}) == {"text": "", "more": "needs 7 more"}
    assert cell(Kind.ESTIMATE, ESTIMATE | {"n": 20})["text"] == "0.83"


def test_estimate_without_an_interval_stands_alone() -> None:
    assert cell(Kind.ESTIMATE, ESTIMATE | {"low": None, "high": None}) == {"text": "0.83", "more": ""}


@pytest.mark.parametrize(("value", "shown"), [(0.1, "+0.10"), (-0.1, "-0.10"), (-0.001, "0.00"), (0.0, "0.00")])
def test_difference_has_its_sign(value: float, shown: str) -> None:
    assert cell(Kind.DIFFERENCE, ESTIMATE | {"value": value})["text"] == shown
