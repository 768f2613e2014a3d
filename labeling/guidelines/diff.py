"""What differs between two versions of a guideline. Pure."""

from labeling.guidelines.tree import Guideline, Question


def changed_questions(old: Guideline, new: Guideline) -> tuple[str, ...]:
    """Return the ids of the questions of `new` that are new or do not ask what they asked, in their order.

    What is asked are the question, its help, and its answers with their texts. The order of the answers, where they
    lead, the worked examples and the translations are no part of it.
    """
    return tuple(
        name
        for name, question in new.questions.items()
        if name not in old.questions or _asked(question) != _asked(old.questions[name])
    )


def _asked(question: Question) -> tuple[object, ...]:
    return question.ask, question.help, {answer.key: answer.text for answer in question.answers}
