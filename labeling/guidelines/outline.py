"""A guideline as a short text for a model to read. Pure."""

from labeling.guidelines.tree import Answer, Guideline, LabelLeaf, SkipLeaf


def outline(guideline: Guideline) -> str:
    """Every question on a line of its own with where each answer leads: a question's number or a label's key.

    Help texts and examples are left out: a model learns those from the labels.
    """
    order = sorted(guideline.questions, key=lambda name: name != guideline.start)
    number = {name: place for place, name in enumerate(order, start=1)}

    def leads(answer: Answer) -> str:
        if isinstance(answer.go, LabelLeaf):
            return f"{answer.text}: {answer.go.label}."
        if isinstance(answer.go, SkipLeaf):
            return f"{answer.text}: cannot be judged."
        return f"{answer.text}: question {number[answer.go]}."

    lines = []
    for name in order:
        question = guideline.questions[name]
        lines.append(" ".join([f"{number[name]}. {question.ask}", *(leads(answer) for answer in question.answers)]))
    return "\n".join(lines)
