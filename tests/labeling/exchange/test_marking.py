"""The words of a query in a product's text."""

import re
import time
from html import escape
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.exchange.marking import MAX_TEXT, mark, words_of
from labeling.exchange.markup import clean_html

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "esci_sample"
MARK = re.compile(r"</?mark>")
TAG = re.compile(r"<(/?)([a-z]+)>")

# What shops write, and what makes trouble: kana of both widths, accents apart and composed, ligatures, markup.
SOUP = "aeséñ ßﬁIİ01.,-’&;<>/b折りたたみ傘のワイヤレスｶﾞﾊﾟ\u0301\u3099゙ー가각กระเ๋า㍑①½™\u00a0\n"
soup = st.text(st.sampled_from(SOUP), max_size=60)


def marked(query: str, text: str) -> list[str]:
    """Return what is marked of a plain text."""
    html = mark(escape(text), words_of(query))
    return re.findall("<mark>(.*?)</mark>", html)


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("logitech wireless mouse", "Logitech M185 Wireless MOUSE, wired", ["Logitech", "Wireless", "MOUSE"]),
        ("dining chairs", "Chair for the dining-room; armchair", ["Chair", "dining"]),
        ("battery", "Batteries", ["Batteries"]),
        ("cleaner", "clean Cleaning cleaners", ["clean", "Cleaning", "cleaners"]),
        ("mat", "mattress matte mats", ["mats"]),
        ("carp", "carpet carps", ["carps"]),
        ("women's t-shirt", "Women's T-Shirt, size S", ["Women", "T", "Shirt"]),
        ("chair for the garden", "The chair for a garden", ["chair", "garden"]),
        ("that", "That is that", ["That", "that"]),
        ("mouse without cable", "Mouse without a cable", ["Mouse", "without", "cable"]),
        ("16oz mug", "16 oz Mug, 16oz, 16-oz, 16 mugs", ["16 oz", "Mug", "16oz", "16-oz", "mugs"]),
        ("mug 16 oz", "16oz", ["16oz"]),
        ("usb 2", "USB 2.0 and 2", ["USB", "2"]),
        ("2.4ghz", "2.4 GHz", ["2.4 GHz"]),
        ("guitar amp", "Guitar & amp", ["Guitar", "amp"]),
    ],
)
def test_english_words_are_marked(query: str, text: str, found: list[str]) -> None:
    assert marked(query, text) == found


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("maquina de coser", "Máquina de Coser, máquinas", ["Máquina", "Coser", "máquinas"]),
        ("café", "CAFE\u0301 cafe cafetería", ["CAFE\u0301", "cafe"]),
        ("zapatos rojos", "Zapato rojo, sandalia roja", ["Zapato", "rojo", "roja"]),
        ("luz led", "Luces LED", ["Luces", "LED"]),
        ("altavoz sin cables", "Altavoces sin cable", ["Altavoces", "sin", "cable"]),
        ("año", "Años", ["Años"]),
        ("straße", "STRASSE", ["STRASSE"]),
        ("коляска", "Коляска детская", ["Коляска"]),
        ("office", "oﬃce", ["oﬃce"]),
    ],
)
def test_accents_and_endings_make_no_difference(query: str, text: str, found: list[str]) -> None:
    assert marked(query, text) == found


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("ワイヤレスマウス 静音", "ワイヤレス マウス 静音設計 レスポンス", ["ワイヤレス", "マウス", "静音"]),
        ("ワイヤレスマウス", "ﾜｲﾔﾚｽﾏｳｽ", ["ﾜｲﾔﾚｽﾏｳｽ"]),
        ("ガラス", "ｶﾞﾗｽフィルム カラス", ["ｶﾞﾗｽ"]),
        ("usb ケーブル", "ＵＳＢケーブル 2m", ["ＵＳＢケーブル"]),
        ("折りたたみ傘", "折りたたみ傘 日傘 軽い", ["折りたたみ傘", "傘"]),
        ("スマホのケース", "スマホ の ケース", ["スマホ", "ケース"]),
        ("子供用の靴", "子供靴のサイズ の 靴", ["子供靴", "靴"]),
        ("靴", "革靴です", ["靴"]),
        ("洗える枕", "枕カバー 使える", ["枕"]),
        ("食べ物", "動物の食べ物", ["食べ物"]),
        ("ライト", "フライトジャケット ライトブルー", ["ライト"]),
        ("2枚", "三枚 2枚", ["2"]),
        ("ノートから", "これからのノート", ["ノート"]),
        ("くし", "くし 木製", ["くし"]),
        ("蓝牙耳机", "无线蓝牙运动耳机", ["蓝牙", "耳机"]),
        ("กระเป๋าเดินทาง", "กระเป๋าเดินทางล้อลาก", ["กระเป๋าเดินทาง"]),
        ("무선 마우스", "무선마우스 로지텍", ["무선마우스"]),
    ],
)
def test_text_without_spaces_is_marked(query: str, text: str, found: list[str]) -> None:
    assert marked(query, text) == found


@pytest.mark.parametrize(
    ("query", "html", "result"),
    [
        ("b", "<b>b</b>", "<b><mark>b</mark></b>"),
        ("amp lt", "amp &amp; &lt;b&gt;", "<mark>amp</mark> &amp; &lt;b&gt;"),
        ("red", "<p>Red<br>redder</p>", "<p><mark>Red</mark><br>redder</p>"),
        ("", "<b>all</b>", "<b>all</b>"),
        (" - ! ", "all", "all"),
        ("all", "", ""),
    ],
)
def test_marks_stay_out_of_tags_and_entities(query: str, html: str, result: str) -> None:
    assert mark(html, words_of(query)) == result


@given(soup, soup)
def test_text_without_its_marks_is_the_text(query: str, text: str) -> None:
    for html in (escape(text), clean_html(text)):
        assert MARK.sub("", mark(html, words_of(query))) == html


@given(st.text(max_size=40), st.text(max_size=200))
def test_any_text_without_its_marks_is_the_text(query: str, text: str) -> None:
    html = escape(text)
    assert MARK.sub("", mark(html, words_of(query))) == html


@given(soup, soup)
def test_marked_html_nests_as_it_should(query: str, text: str) -> None:
    """Every mark holds text only, and a text of tags in their order stays one."""
    result = mark(clean_html(text), words_of(query))
    assert all(part and "<" not in part for part in re.findall("<mark>(.*?)</mark>", result, re.DOTALL))
    open_tags: list[str] = []
    for closing, name in TAG.findall(result):
        if not closing:
            open_tags += [name] if name != "br" else []
        else:
            assert open_tags.pop() == name
    assert open_tags == []


@given(st.text(st.sampled_from("aeAsSitz"), min_size=1, max_size=12))
def test_query_is_found_in_itself(query: str) -> None:
    assert marked(query, query) == [query]


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the ESCI sample is not beside this checkout")
def test_real_titles_are_marked_with_words_of_their_queries() -> None:
    """Of ESCI's exact pairs, four in five titles share a word with their query."""
    products = pq.read_table(SAMPLE / "shopping_queries_dataset_products.parquet").to_pylist()
    titles = {row["product_id"]: row["product_title"] or "" for row in products}
    rows = pq.read_table(SAMPLE / "shopping_queries_dataset_examples.parquet").to_pylist()
    exact = [(row["query"], titles[row["product_id"]]) for row in rows if row["esci_label"] == "E"]
    found = [marked(query, title) for query, title in exact]
    assert len(exact) > 100
    assert sum(map(bool, found)) / len(exact) > 0.8
    assert marked("logitech g933", "Logitech G933 Artemis Spectrum – Wireless Headset") == ["Logitech", "G933"]


def test_cost_grows_with_the_text_and_not_faster() -> None:
    words = words_of("a" * 5_000 + " 折りたたみ傘" * 500 + " ワイヤレス" * 500)
    assert len(words.pieces) < 1_000
    started = time.monotonic()
    for text in ("aaaaaaaa", "ああ", "折りたたみ", "<b>", "&amp;", "&", "1.1"):
        mark(text * (MAX_TEXT // len(text)), words)
    assert time.monotonic() - started < 3
    assert mark("a" * (MAX_TEXT + 1), words_of("a")) == "a" * (MAX_TEXT + 1)
