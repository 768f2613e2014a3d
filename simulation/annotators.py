"""Simulated annotators: they know the true path of each pair and err like people do.

They label over HTTP as a browser does. What they share with Winnow is the guideline alone.
"""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from labeling.guidelines.tree import Answer, Guideline, Question, SkipLeaf
from labeling.guidelines.walk import Path, format_path, parse_path, walk
from simulation.answer_key import AnswerKey, true_answer
from simulation.browser import Browser
from simulation.desk import Desk

# How often an ordinary annotator answers a question of the ESCI tree wrongly.
ERROR_RATES: Mapping[str, float] = MappingProxyType(
    {"need": 0.003, "type": 0.015, "conflict": 0.04, "silent": 0.01, "accept": 0.06, "job": 0.04, "together": 0.03}
)
AUDIT_SIZE = 50
LOOK_AGAIN = 1.0  # seconds between two looks at an empty desk


@dataclass(frozen=True)
class Misreading:
    """A question that somebody understands otherwise than it is meant, as long as it is asked in these words.

    They give `answer` in a `share` of the pairs that get so far, whatever is right.
    """

    question: str
    words: str
    answer: str
    share: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of misread pairs is {self.share}; expected 0 to 1")


@dataclass(frozen=True)
class Habits:
    """How somebody works: error rate by question, seconds a pair, and how often they skip and undo.

    Questions that `error_rates` does not name are answered without errors. `seconds` is a mean.
    """

    error_rates: Mapping[str, float] = field(default_factory=lambda: ERROR_RATES)
    seconds: float = 0.0
    skip_rate: float = 0.004
    undo_rate: float = 0.01
    misreading: Misreading | None = None

    def __post_init__(self) -> None:
        rates = {**self.error_rates, "skip": self.skip_rate, "undo": self.undo_rate}
        for name, rate in rates.items():
            if not 0 <= rate <= 1:
                raise ValueError(f"the rate of {name!r} is {rate}; expected 0 to 1")
        if self.seconds < 0:
            raise ValueError(f"seconds is {self.seconds}; expected 0 or more")


@dataclass(frozen=True)
class Annotator:
    """A person with an account and habits; `seed` makes their errors repeatable."""

    username: str
    password: str = field(repr=False)
    habits: Habits
    seed: int


def careful_to_hasty(
    count: int, seconds: float = 0.0, care: float = 1.0, misreading: Misreading | None = None
) -> list[Habits]:
    """Return the habits of several people, from 0.6 to 1.5 times the ordinary error rates, divided by `care`.

    Every second one has the misreading.
    """
    factors = [(0.6 + 0.9 * number / max(count - 1, 1)) / care for number in range(count)]
    return [
        Habits(
            {name: min(1.0, rate * factor) for name, rate in ERROR_RATES.items()},
            seconds,
            misreading=misreading if number % 2 else None,
        )
        for number, factor in enumerate(factors)
    ]


def answer_path(
    rng: random.Random,
    guideline: Guideline,
    truth: Path,
    habits: Habits,
    asks: Mapping[str, str] = MappingProxyType({}),
    begun: Path = (),
) -> Path:
    """Return the path that somebody walks who means to follow `truth` and errs by their habits.

    An error takes another answer of the same question. A question off the true path is answered at random. `asks` are
    the words of the questions as they stand on the page, by which a misreading is known; `begun` is kept as it is.
    """
    answers = dict(truth)
    path = begun
    here = walk(guideline, path)
    while isinstance(here, Question):
        key = answers.get(here.id)
        misread = _misread(rng, habits.misreading, here, asks)
        if misread is not None:
            key = misread
        elif key is None:
            key = _any_but(rng, here, None)
        elif rng.random() < habits.error_rates.get(here.id, 0.0):
            key = _any_but(rng, here, key)
        path = (*path, (here.id, key))
        here = walk(guideline, path)
    return path


def _misread(
    rng: random.Random, misreading: Misreading | None, question: Question, asks: Mapping[str, str]
) -> str | None:
    """Return the answer that a misreading leads to here; None where there is none, or this pair escapes it."""
    if misreading is None or question.id != misreading.question or asks.get(question.id) != misreading.words:
        return None
    return misreading.answer if rng.random() < misreading.share else None


def _any_but(rng: random.Random, question: Question, key: str | None) -> str:
    """Draw an answer; one that gives up the pair only where there is no other."""
    others = [answer for answer in question.answers if answer.key != key]
    judging = [answer for answer in others if not isinstance(answer.go, SkipLeaf)]
    chosen: Answer = rng.choice(judging or others)
    return chosen.key


def label_until(
    browser: Browser,
    annotator: Annotator,
    guideline: Guideline,
    key: AnswerKey,
    stop: threading.Event,
    report: Callable[[], None],
) -> None:
    """Sign in and label what is on the desk until `stop` is set; an empty desk is looked at again and again.

    `report` is called after each answer that the server took. Raises RefusedError where it took none.
    """
    rng = random.Random(annotator.seed)
    browser.sign_in(annotator.username, annotator.password)
    desk = browser.judge_page()
    while not stop.is_set():
        if desk is None:
            stop.wait(LOOK_AGAIN)
            desk = browser.judge_page()
            continue
        if annotator.habits.seconds and stop.wait(rng.expovariate(1 / annotator.habits.seconds)):
            break
        desk = _judge(rng, browser, desk, guideline, key, annotator.habits)
        report()


def _judge(
    rng: random.Random, browser: Browser, desk: Desk, guideline: Guideline, key: AnswerKey, habits: Habits
) -> Desk | None:
    if rng.random() < habits.skip_rate:
        return browser.skip(desk, rng.choice(list(guideline.skips)))
    following = browser.submit(desk, _path_for(rng, desk, guideline, key, habits))
    if rng.random() >= habits.undo_rate:
        return following
    again = browser.undo()
    return browser.submit(again, _path_for(rng, again, guideline, key, habits)) if again else browser.judge_page()


def _path_for(rng: random.Random, desk: Desk, guideline: Guideline, key: AnswerKey, habits: Habits) -> str:
    truth = parse_path(true_answer(key, desk.locale, desk.query, desk.product_id))
    return format_path(answer_path(rng, guideline, truth, habits, desk.asks))


def judge_again(browser: Browser, annotator: Annotator, guideline: Guideline, key: AnswerKey) -> int:
    """Sign in and answer what is asked again since the guideline has changed; return how many pairs that were.

    The walk before the question concerned is kept. `guideline` may be any version with the same questions and answers.
    """
    rng = random.Random(annotator.seed)
    browser.sign_in(annotator.username, annotator.password)
    desk = browser.again_page()
    done = 0
    while desk is not None:
        truth = parse_path(true_answer(key, desk.locale, desk.query, desk.product_id))
        begun = parse_path(desk.fields["path"])
        path = answer_path(rng, guideline, truth, annotator.habits, desk.asks, begun)
        desk = browser.submit(desk, format_path(path))
        done += 1
    return done


def audit(browser: Browser, annotator: Annotator, guideline: Guideline, key: AnswerKey, verdicts: int) -> int:
    """Sign in as an auditor, draw a sample of the judge's labels and give verdicts; return how many were given."""
    rng = random.Random(annotator.seed)
    browser.sign_in(annotator.username, annotator.password)
    browser.draw_audit(AUDIT_SIZE)
    for given in range(verdicts):
        desk = browser.audit_page()
        if desk is None:
            return given
        browser.give_verdict(desk, _path_for(rng, desk, guideline, key, annotator.habits))
    return verdicts
