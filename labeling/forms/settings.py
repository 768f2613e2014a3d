"""A project's settings."""

from typing import Any, ClassVar

from django import forms
from django.db.models import CheckConstraint, Q

from labeling.actions.projects import STRATEGY_KEYS
from labeling.models import Project
from modeling.judge.spec import JudgeSpec, shipped_specs
from modeling.sampling.strategies import STRATEGIES

SETTING_GROUPS = {
    "The project": ("name",),
    "People": ("overlap", "max_overlap", "escalate_on", "skips_to_lead", "lease_minutes", "desk"),
    "Agreement": ("resolve_by", "agreement_goal"),
    "How people do": ("training_required", "pass_mark", "gold_share", "repeat_share", "repeat_after_days"),
    "Rounds": ("batch_size", "random_share", "strategy", "max_per_query", "titles_apart", "label_floor", "round_worth"),
    "The loop": ("loop_enabled", "train_after", "check_seconds"),
    "Learning": ("imported_labels", "least_confidence", "holdout_percent", "calibration_percent"),
    "The judge": ("like", "judge_spec"),
    "Promotion": ("promotion_rule", "promotion_margin", "adapters_kept"),
    "Scoring": ("shard_size", "price_per_hour", "currency"),
}


def _shipped_choice(name: str) -> tuple[str, str]:
    spec = JudgeSpec.from_dict({"like": name})
    model = spec.base_model.partition(":")[2] if spec.base_model.startswith("embedded:") else spec.base_model
    quantized = "" if spec.quantization == "none" else f", {spec.quantization}"
    return name, f"{name}: {spec.kind.replace('_', '-')} on {model}{quantized}"


def strategy_words(key: str) -> str:
    """Say what a strategy does, by the key that the setting has."""
    if key == Project.MIXED:
        return "Mixed: first what stands for many others, then what the judge hesitates at. The default."
    return f"{STRATEGIES[key].name}: {STRATEGIES[key].sentence}"


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """A project's settings, in the groups that the page shows.

    What the judge is `like`, a shipped spec by its name, is stored as part of judge_spec, which says the rest.
    """

    like = forms.ChoiceField(
        label="Settings of the judge",
        required=False,
        help_text="Sets of settings that come with Winnow. Larger models want a GPU; each is tried in the tests with a "
        "small model of its family. The next training takes what is chosen here, and is compared with the champion as "
        "any other.",
    )

    class Meta:
        model = Project
        fields = (
            *("name", "overlap", "max_overlap", "escalate_on", "skips_to_lead", "lease_minutes", "desk"),
            *("resolve_by", "agreement_goal"),
            *("training_required", "pass_mark", "gold_share", "repeat_share", "repeat_after_days"),
            *("batch_size", "random_share", "strategy", "max_per_query", "titles_apart", "label_floor", "round_worth"),
            *("loop_enabled", "train_after", "check_seconds", "imported_labels", "holdout_percent"),
            *("calibration_percent", "judge_spec", "shard_size", "least_confidence"),
            *("promotion_rule", "promotion_margin", "adapters_kept", "price_per_hour", "currency"),
        )
        labels: ClassVar[dict[str, str]] = {"judge_spec": "What differs from them"}
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "judge_spec": forms.Textarea({"rows": 3, "spellcheck": "false"}),
            "agreement_goal": forms.NumberInput({"min": 0, "max": 1, "step": "any"}),
            "pass_mark": forms.NumberInput({"min": 0, "max": 1, "step": "any"}),
            "gold_share": forms.NumberInput({"min": 0, "max": 0.5, "step": "any"}),
            "repeat_share": forms.NumberInput({"min": 0, "max": 0.5, "step": "any"}),
            "label_floor": forms.NumberInput({"min": 0, "max": 0.5, "step": "any"}),
            "round_worth": forms.NumberInput({"min": 0, "max": 0.99, "step": "any"}),
            "least_confidence": forms.NumberInput({"min": 0, "max": 1, "step": "any"}),
            "promotion_margin": forms.NumberInput({"min": 0, "max": 0.49, "step": "any"}),
            "price_per_hour": forms.NumberInput({"min": 0, "step": "any"}),
        }
        help_texts: ClassVar[dict[str, str]] = {
            "desk": "One pair keeps each judgment apart and can mix in gold pairs and repeats. The shelf is quicker "
            "where queries have many products, and people compare them; rounds are then drawn in whole queries, and "
            "gold pairs and repeats are left out.",
            "resolve_by": "By Dawid-Skene each judgment counts by how its annotator errs, as far as the judgments show "
            "it. Its probability is the label's confidence; below 0.75 one more person is asked. All settled labels "
            "are resolved anew when this is changed, and each time agreement is measured.",
            "agreement_goal": "Raw agreement that the project is to have, such as 0.9. You are told when the whole "
            "95 % interval is below it.",
            "training_required": "Newcomers judge the training pairs, with feedback, and start when they reach the "
            "pass mark. Choose the pairs on the Gold page first: without any, nobody new can start.",
            "pass_mark": "Share of right answers that training asks for. Who is surely below it on gold pairs is "
            "paused and you are told: from 5 answers on, when the whole 95 % interval of their newest 50 is below.",
            "gold_share": "Share of what an annotator gets whose answer is known, to see how they do; 0.05 is one in "
            "twenty. The pairs are those that the Gold page mixes into the work.",
            "repeat_share": "Share of what an annotator gets that they judged before, to see whether they agree with "
            "themselves; 0.02 is one in fifty. With the gold pairs at most 0.5.",
            "repeat_after_days": "Nobody gets a pair again sooner than this after they judged it.",
            "strategy": "How the rest of a round is chosen. Whatever it is, pairs on which people are likely to "
            "part count less, holdout queries are left out, and a part is drawn at random. Needs that are not there "
            "yet, such as a champion, leave the place to chance.",
            "titles_apart": "Of products with nearly the same title only one is picked in a round: the label of one "
            "says nearly all about the other.",
            "label_floor": "Share of the picked pairs that are to be of each label, as the judge predicts it, so that "
            "rare labels are learned, too: 0.05 is one in twenty. 0: no floor.",
            "round_worth": "Where the next round is surely expected to raise the judge's alpha by less than this, the "
            "Rounds page advises to stop.",
            "judge_spec": 'As JSON, by name, such as {"epochs": 5}; {} for nothing. Each adapter\'s page lists all the '
            "settings that it was made with.",
            "promotion_rule": "A new adapter and the champion are measured on the same holdout pairs. The first rule "
            "promotes only what is surely better; the second also what is surely not worse than the champion by more "
            "than the margin, which keeps the judge fresh where the guideline or the shop changes. Every decision is "
            "on the adapter's page and in the audit log, and you can decide otherwise.",
            "promotion_margin": "How much less holdout accuracy the second rule lets pass: 0.01 is one point.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spec = dict(self.instance.judge_spec) if isinstance(self.instance.judge_spec, dict) else {}
        self.initial.update(like=spec.pop("like", ""), judge_spec=spec)
        field = self.fields["like"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [("", "The default: MiniLM, which comes with Winnow"), *map(_shipped_choice, shipped_specs())]
        self.fields["strategy"].widget = forms.Select(choices=[(key, strategy_words(key)) for key in STRATEGY_KEYS])

    def clean(self) -> dict[str, Any]:
        """Put what the judge is like into its settings; what is written there wins."""
        cleaned = super().clean() or {}
        like = cleaned.pop("like", "")
        if like and isinstance(cleaned.get("judge_spec"), dict):
            cleaned["judge_spec"] = {"like": like} | cleaned["judge_spec"]
        return cleaned

    def problems(self) -> list[tuple[forms.BoundField | None, str]]:
        """Return every error with its field; a rule of the project's, with the first field that it is about."""
        about = {
            str(rule.violation_error_message): rule.condition.referenced_base_fields
            for rule in Project._meta.constraints
            if isinstance(rule, CheckConstraint) and isinstance(rule.condition, Q)
        }
        found: list[tuple[forms.BoundField | None, str]] = []
        for error in map(str, self.non_field_errors()):
            names = [name for name in self.fields if name in about.get(error, ())]
            found.append((self[names[0]] if names else None, error))
        return found + [(self[name], str(error)) for name in self.fields for error in self[name].errors]

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return the fields under their headings."""
        return [(heading, [self[name] for name in names]) for heading, names in SETTING_GROUPS.items()]
