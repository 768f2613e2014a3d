"""The report of agreement as tables in plain words, each number with the address of the pairs behind it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.urls import reverse

from labeling.actions.judgments import tree_of
from labeling.guidelines.tree import Question
from labeling.models import GuidelineVersion, Membership, Project, User
from labeling.queries.projects import labels_of
from labeling.queries.slices import ATTRIBUTE, OTHERS
from labeling.views.behind import pairs_url
from labeling.views.desk import as_read
from labeling.views.tables import FEWEST, Column, Kind, Row, Table

MEASURES = {
    "raw": (
        "Raw agreement",
        "Of two judgments of one pair, how often they give the same label. Easy to picture, and what the goal is set "
        "in. It says nothing of chance: where nearly all pairs are Exact, people agree often without looking.",
    ),
    "alpha": (
        "Krippendorff's alpha",
        "Agreement beyond chance: 1 is perfect, 0 is what drawing labels at random in the same proportions would give, "
        "below 0 is worse than that. From 0.8 on it is usually called reliable. With one label far more common than "
        "the others it falls although people hardly ever differ.",
    ),
    "alpha_ordinal": (
        "Alpha, labels in their order",
        "As alpha, but taking Exact for Substitute is a smaller difference than taking Exact for Irrelevant. It asks "
        "whether people would sort products alike.",
    ),
    "alpha_gains": (
        "Alpha, by what labels are worth",
        "As alpha, with the difference of two labels' gains as their distance. It is about what a ranking would feel.",
    ),
    "fleiss": (
        "Fleiss' kappa",
        "As alpha, with the chance estimated from all judgments of pairs that were judged twice. On many pairs the two "
        "are nearly the same; it is here to be compared with other reports.",
    ),
    "ac1": (
        "Gwet's AC1",
        "Agreement beyond chance with another notion of chance, which one very common label does not upset. Where it "
        "is high and alpha is low, labels are lopsided rather than people at odds.",
    ),
}
SLICES = {
    "locale": "Language of the query",
    "length": "Words in the query",
    "brand": "Brand of the product",
    "stream": "Why the pair was served",
}

PEOPLE_PAIRS = 20  # of people on the page
PAIRS, JUDGMENTS, COMPARISONS = "pairs", "judgments", "pairs of judgments"
ASKED = (Column("Id", "question", exported=True), Column("Question", "asks"))
UNITS = Column("Pairs", "pairs judged twice", Kind.COUNT, PAIRS)
GIVEN = Column("Judgments", "judgments", Kind.COUNT, JUDGMENTS)
RAW = Column("Agreement", "raw agreement", Kind.ESTIMATE, "share")
ALPHA = Column("Alpha", "Krippendorff's alpha", Kind.ESTIMATE)


class Words:
    """What the report's ids, keys and indexes are called, and where the pairs behind its numbers are."""

    def __init__(self, project: Project, data: Mapping[str, Any]) -> None:
        self.project = project
        self.labels = labels_of(project)
        found = GuidelineVersion.objects.filter(project=project, published_at__isnull=False)
        self.versions = list(found.select_related("project").order_by("-number"))
        members = Membership.objects.filter(project=project).values_list("user", "pk")
        self.members = dict(members)
        ids = {row["person"] for row in data["persons"]}
        self.people = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))

    def question(self, question_id: str) -> str:
        """Return what a question asks, in the newest version that has it."""
        return next((found.ask for found in self._asked(question_id)), question_id)

    def asked(self, question_id: str) -> tuple[str, str]:
        """Return a question's values for the columns ASKED."""
        return question_id, self.question(question_id)

    def answer(self, question_id: str, key: str) -> str:
        """Return an answer's words, in the newest version that has it."""
        answers = (found.answer(key) for found in self._asked(question_id))
        return next((found.text for found in answers if found), key)

    def _asked(self, question_id: str) -> Iterator[Question]:
        trees = (as_read(tree_of(self.project, version)) for version in self.versions)
        return (tree.questions[question_id] for tree in trees if question_id in tree.questions)

    def person(self, user_id: int) -> str:
        """Return somebody's name."""
        return self.people.get(user_id, str(user_id))

    def page_of(self, user_id: int) -> str:
        """Return the address of a member's page; empty for who takes part no more."""
        member = self.members.get(user_id)
        return reverse("person", args=[self.project.slug, member]) if member else ""

    def pairs(self, **behind: object) -> str:
        """Return the address of the pairs behind a number; empty for people who take part no more."""
        people = {behind[name] for name in ("person", "beside") if name in behind}
        return pairs_url(self.project, **behind) if people <= self.members.keys() else ""


def month_name(month: int) -> str:
    """Return 12 * year + month - 1 as "2025-03"."""
    return f"{month // 12}-{month % 12 + 1:02}"


def slice_title(name: str) -> str:
    """Return what a slice is called."""
    return SLICES.get(name) or name.removeprefix(ATTRIBUTE).replace("_", " ").capitalize()


def below(estimate: Mapping[str, Any], goal: float) -> bool:
    """Say whether an estimate is surely below the goal: enough data, and its whole interval."""
    return estimate["n"] >= FEWEST and estimate["high"] is not None and estimate["high"] < goal


def enough_first(rows: Iterable[Mapping[str, Any]], measure: str = "agreement") -> list[Mapping[str, Any]]:
    """Return rows in their order, but those that say too little yet at the end."""
    return sorted(rows, key=lambda one: one[measure]["n"] < FEWEST)


def report_tables(words: Words, data: Mapping[str, Any], goal: float) -> dict[str, Table]:
    """Return every table of a report by its name in the address of its export."""
    return {
        "measures": _measures(data),
        "questions": _questions(words, data, goal),
        "collisions": _collisions(words, data),
        "question-versions": _question_versions(words, data, goal),
        "question-changes": _question_changes(words, data),
        "labels": _labels(words, data),
        "months": _months(words, data, goal),
        "versions": _versions(words, data, goal),
        "people": _people(words, data, goal),
        "people-pairs": _people_pairs(words, data, goal),
        "slices": _all_slices(words, data, goal),
    }


def _measures(data: Mapping[str, Any]) -> Table:
    columns = (
        Column("Measure", "measure"),
        Column("Value", "value", Kind.ESTIMATE),
        UNITS,
        Column("What it says", "what it says", exported=True),
    )
    found = ((name, says, data["overall"][key]) for key, (name, says) in MEASURES.items())
    rows = tuple(Row((name, estimate, estimate["n"], says)) for name, says, estimate in found)
    return Table("Every measure of agreement", columns, rows)


def _questions(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (
        *ASKED,
        Column("Answered alike", "answered alike", Kind.ESTIMATE, "share"),
        Column("Both reached it", "both reached it", Kind.COUNT, COMPARISONS),
    )
    rows = tuple(
        Row(
            (*words.asked(one["question"]), one["agreement"], one["both"]),
            {
                "answered alike": words.pairs(question=one["question"], differ=True),
                "both reached it": words.pairs(question=one["question"]),
            },
            below(one["agreement"], goal),
        )
        for one in enough_first(data["questions"])
    )
    return Table("Agreement at each question, worst first", columns, rows)


def _collisions(words: Words, data: Mapping[str, Any]) -> Table:
    columns = (
        *ASKED,
        Column("One key", "one key", exported=True),
        Column("One said", "one said"),
        Column("Other key", "other key", exported=True),
        Column("The other said", "the other said"),
        Column("How often", "how often", Kind.COUNT, COMPARISONS),
        Column("Of", "both reached it", Kind.COUNT, COMPARISONS),
    )
    rows = []
    for question in data["questions"]:
        name = question["question"]
        for collision in question["collisions"]:
            one, other = collision["answers"]
            texts = (one, words.answer(name, one), other, words.answer(name, other))
            values = (*words.asked(name), *texts, collision["n"], question["both"])
            rows.append(Row(values, {"how often": words.pairs(question=name, answers=(one, other))}))
    return Table("Answers that collide", columns, tuple(rows), most=20)


def _question_versions(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (
        *ASKED,
        Column("Version", "guideline version", Kind.COUNT),
        Column("Answered alike", "answered alike", Kind.ESTIMATE, "share"),
        Column("Both reached it", "both reached it", Kind.COUNT, COMPARISONS),
    )
    rows = tuple(
        Row(
            (*words.asked(one["question"]), one["version"], one["agreement"], one["agreement"]["n"]),
            {
                "answered alike": words.pairs(question=one["question"], version=one["version"], differ=True),
                "both reached it": words.pairs(question=one["question"], version=one["version"]),
            },
            below(one["agreement"], goal),
        )
        for one in data["question_versions"]
    )
    return Table("Each question under each version of the guideline", columns, rows)


def _question_changes(words: Words, data: Mapping[str, Any]) -> Table:
    columns = (
        *ASKED,
        Column("From version", "from version", Kind.COUNT),
        Column("To version", "to version", Kind.COUNT),
        Column("Change", "change", Kind.DIFFERENCE, "difference of shares"),
        Column("Under the new one", "under the new one", Kind.COUNT, COMPARISONS),
    )
    rows = tuple(
        Row(
            (*words.asked(one["question"]), one["old"], one["new"], one["difference"], one["difference"]["n"]),
            {
                "change": words.pairs(question=one["question"], version=one["new"], differ=True),
                "under the new one": words.pairs(question=one["question"], version=one["new"]),
            },
            surely_less(one["difference"]),
        )
        for one in data["question_changes"]
    )
    return Table("What each version changed at a question, greatest loss first", columns, rows)


def surely_less(difference: Mapping[str, Any]) -> bool:
    """Say whether a difference is surely a loss: enough data, and its whole interval below 0."""
    return below(difference, 0)


def _labels(words: Words, data: Mapping[str, Any]) -> Table:
    columns = (
        Column("Label", "label", Kind.LABEL),
        Column("Key", "key", exported=True),
        Column("Given", "judgments that gave it", Kind.COUNT, JUDGMENTS),
        Column("Agreement on it", "raw agreement", Kind.ESTIMATE, "share"),
        ALPHA,
        Column("AC1", "Gwet's AC1", Kind.ESTIMATE),
        Column("Fleiss' kappa", "Fleiss' kappa", Kind.ESTIMATE, exported=True),
    )
    rows = []
    for one in data["labels"]:
        label = words.labels[one["label"]]
        values = (label, label.key, one["judgments"], one["raw"], one["alpha"], one["ac1"], one["fleiss"])
        links = {
            "judgments that gave it": words.pairs(label=label.key),
            "raw agreement": words.pairs(label=label.key, differ=True),
        }
        rows.append(Row(values, links))
    return Table("Agreement on each label: is it this one, or any other?", columns, tuple(rows))


def _months(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (Column("Month", "month"), UNITS, GIVEN, RAW, ALPHA)
    rows = (_part(words, month_name(one["month"]), one, goal, month=one["month"]) for one in data["months"])
    return Table("Agreement by month, UTC", columns, tuple(rows), most=36)


def _versions(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (Column("Version", "guideline version"), UNITS, GIVEN, RAW, ALPHA)
    rows = (_part(words, str(one["version"]), one, goal, version=one["version"]) for one in data["versions"])
    return Table("Agreement by version of the guideline", columns, tuple(rows))


def _part(words: Words, name: str, one: Mapping[str, Any], goal: float, **behind: object) -> Row:
    """Return the row of a part of the judgments; without `behind` its numbers lead nowhere."""
    links = {}
    if behind:
        links = {"pairs judged twice": words.pairs(**behind), "raw agreement": words.pairs(**behind, differ=True)}
    values = (name, one["units"], one["judgments"], one["raw"], one["alpha"])
    return Row(values, links, below(one["raw"], goal))


def slice_tables(words: Words, data: Mapping[str, Any], goal: float) -> dict[str, Table]:
    """Return a table for each slice that splits the judgments at all, by its name."""
    tables = {}
    for name in sorted(data["slices"], key=_slice_order):
        parts = sorted(
            (one for one in data["slices"][name] if one["judgments"]), key=lambda one: one["value"] == OTHERS
        )
        if len(parts) > 1:
            columns = (Column(slice_title(name), "value"), UNITS, GIVEN, RAW, ALPHA)
            rows = tuple(_part(words, one["value"], one, goal, **_behind(name, one["value"])) for one in parts)
            tables[name] = Table(slice_title(name), columns, rows)
    return tables


def _slice_order(name: str) -> tuple[int, str]:
    return list(SLICES).index(name) if name in SLICES else len(SLICES), name


def _behind(name: str, value: str) -> dict[str, object]:
    return {} if value == OTHERS else {"slice": name, "value": value}


def _all_slices(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (Column("Slice", "slice"), Column("Value", "value"), UNITS, GIVEN, RAW, ALPHA)
    rows = [
        Row((name, *row.values), row.links, row.wanting)
        for name, table in slice_tables(words, data, goal).items()
        for row in table.rows
    ]
    return Table("Agreement in each slice", columns, tuple(rows))


def _people(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (
        Column("Person", "person"),
        GIVEN,
        Column("With the others", "agreement with the others", Kind.ESTIMATE, "share"),
        Column("Compared", "compared", Kind.COUNT, JUDGMENTS),
        ALPHA,
        Column("Lately", "change lately", Kind.DIFFERENCE, "difference of shares"),
        Column("With oneself", "agreement with oneself", Kind.ESTIMATE, "share"),
    )
    drift = {one["person"]: one["difference"] for one in data["drift"]}
    again = {one["person"]: one["raw"] for one in (data["repeats"] or {"persons": ()})["persons"]}
    rows = []
    for one in enough_first(data["persons"]):
        person = one["person"]
        name, change = words.person(person), drift.get(person)
        values = (
            name,
            one["judgments"],
            one["agreement"],
            one["agreement"]["n"],
            one["alpha"],
            change,
            again.get(person),
        )
        links = {
            "person": words.page_of(person),
            "agreement with the others": words.pairs(person=person, differ=True),
            "compared": words.pairs(person=person),
            "change lately": words.pairs(person=person, lately=True, differ=True),
            "agreement with oneself": words.pairs(person=person, repeat=True),
        }
        rows.append(Row(values, links, change is not None and surely_less(change)))
    return Table("Each person with the others, worst first", columns, tuple(rows))


def _people_pairs(words: Words, data: Mapping[str, Any], goal: float) -> Table:
    columns = (
        Column("Person", "person"),
        Column("And", "and"),
        Column("Both judged", "both judged", Kind.COUNT, PAIRS),
        RAW,
        Column("Cohen's kappa", "Cohen's kappa", Kind.ESTIMATE),
        *(Column(label.name, f"Cohen's kappa on {label.name}", Kind.NUMBER, exported=True) for label in words.labels),
    )
    rows = []
    for place, one in enumerate(enough_first(sorted(data["person_pairs"], key=_worst_first), "raw")):
        by_label = one["labels"] or [None] * len(words.labels)
        values = (words.person(one["a"]), words.person(one["b"]), one["n"], one["raw"], one["kappa"], *by_label)
        links = {}
        if place < PEOPLE_PAIRS:  # a thousand addresses that no page shows would take most of its time
            both = {"person": one["a"], "beside": one["b"]}
            links = {"both judged": words.pairs(**both), "raw agreement": words.pairs(**both, differ=True)}
        rows.append(Row(values, links, below(one["raw"], goal)))
    return Table("Every two people, worst first", columns, tuple(rows), most=PEOPLE_PAIRS)


def _worst_first(one: Mapping[str, Any]) -> float:
    value = one["raw"]["value"]
    return 1.0 if value is None else float(value)
