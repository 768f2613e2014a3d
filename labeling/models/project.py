"""One labeling effort: its scheme and its settings."""

from django.db import models
from django.db.models import F, Q

from labeling.models.scheme import LabelScheme


class Project(models.Model):
    """Owns a guideline, a pool of pairs, a judge's settings, its members and their roles."""

    class ImportedLabels(models.TextChoices):
        IGNORE = "ignore", "Keep them, use them for nothing"
        TRAIN = "train", "Train on them where people gave no label"

    class Escalate(models.TextChoices):
        TIE = "tie", "No label has most of the judgments"
        DIFFERENCE = "difference", "Any two judgments differ"

    class Desk(models.TextChoices):
        PAIR = "pair", "One pair at a time"
        SHELF = "shelf", "All products of a query on one page"

    class ResolveBy(models.TextChoices):
        MAJORITY = "majority", "Majority: each judgment counts the same"
        DAWID_SKENE = "dawid_skene", "Dawid-Skene: each judgment by how its annotator errs"

    class PromotionRule(models.TextChoices):
        BETTER = "better", "Only when it is surely better than the champion"
        NOT_WORSE = "not_worse", "When it is surely not worse than the champion by the margin"

    MIXED = "mixed"  # the strategy that is several

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    scheme = models.ForeignKey(LabelScheme, models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    overlap = models.PositiveSmallIntegerField(
        verbose_name="judgments per pair", default=2, help_text="How many judgments a pair is to get."
    )
    max_overlap = models.PositiveSmallIntegerField(
        verbose_name="judgments per pair at most",
        default=3,
        help_text="Where people disagree, one more is asked, up to this many in all.",
    )
    escalate_on = models.CharField(
        verbose_name="one more judgment when",
        max_length=10,
        choices=Escalate,
        default=Escalate.TIE,
        help_text="When a pair that has its judgments is given to one more person.",
    )
    resolve_by = models.CharField(
        verbose_name="labels are resolved by",
        max_length=11,
        choices=ResolveBy,
        default=ResolveBy.MAJORITY,
        help_text="How one label is made of several people's judgments.",
    )
    agreement_goal = models.FloatField(
        verbose_name="agreement to reach",
        default=0.9,
        help_text="Raw agreement that the project is to have. Where it is surely below, the lead is told.",
    )
    skips_to_lead = models.PositiveSmallIntegerField(
        verbose_name="skips until the lead decides",
        default=2,
        help_text="A pair that so many people skip for one reason is set aside for the lead. 0: never.",
    )
    desk = models.CharField(
        verbose_name="the desk shows",
        max_length=5,
        choices=Desk,
        default=Desk.PAIR,
        help_text="How annotators get their work.",
    )
    lease_minutes = models.PositiveSmallIntegerField(
        verbose_name="minutes a pair is kept",
        default=20,
        help_text="How long a pair is kept for the person who opened it.",
    )
    holdout_percent = models.PositiveSmallIntegerField(
        verbose_name="holdout queries, in percent",
        default=20,
        help_text="Share of queries that are never trained on. Applies to queries imported later.",
    )
    calibration_percent = models.PositiveSmallIntegerField(
        verbose_name="calibration queries, in percent",
        default=10,
        help_text="Share of queries that only calibrate. Applies to queries imported later.",
    )
    imported_labels = models.CharField(
        verbose_name="imported labels",
        max_length=10,
        choices=ImportedLabels,
        default=ImportedLabels.IGNORE,
        help_text="What the labels that came with an import are used for.",
    )

    batch_size = models.PositiveIntegerField(
        verbose_name="pairs per round", default=500, help_text="How many pairs a round draws from the pool."
    )
    random_share = models.FloatField(
        verbose_name="share drawn at random",
        default=0.5,
        help_text="Share of a round drawn uniformly at random. Never 0: it is what accuracy is measured on.",
    )
    gold_share = models.FloatField(
        verbose_name="share of gold pairs",
        default=0.0,
        help_text="Share of what an annotator gets whose answer is known, to see how they do.",
    )
    repeat_share = models.FloatField(
        verbose_name="share of repeats",
        default=0.0,
        help_text="Share of what an annotator gets that they judged before, to see whether they agree with themselves.",
    )
    repeat_after_days = models.PositiveSmallIntegerField(
        verbose_name="days until a repeat", default=14, help_text="A pair is not repeated sooner than this."
    )
    training_required = models.BooleanField(
        verbose_name="annotators train first",
        default=False,
        help_text="Newcomers judge the training pairs, with feedback, and start when they reach the pass mark.",
    )
    pass_mark = models.FloatField(
        verbose_name="pass mark",
        default=0.8,
        help_text="Share of right answers that training asks for. Who is surely below it on gold pairs is paused.",
    )
    max_per_query = models.PositiveSmallIntegerField(
        verbose_name="picked pairs per query at most",
        default=5,
        help_text="At most this many pairs of one query are picked by the strategy in a round.",
    )

    strategy = models.CharField(
        verbose_name="pairs are picked by",
        max_length=30,
        default=MIXED,
        help_text="How the part of a round that is not drawn at random is chosen.",
    )
    titles_apart = models.BooleanField(
        verbose_name="keep nearly equal titles apart",
        default=True,
        help_text="Of products with nearly the same title only one is picked in a round.",
    )
    label_floor = models.FloatField(
        verbose_name="least share of each label",
        default=0.0,
        help_text="Share of the picked pairs that are to be of each label, as the judge predicts it. 0: no floor.",
    )
    round_worth = models.FloatField(
        verbose_name="alpha that a round is worth",
        default=0.005,
        help_text="Winnow advises against another round when it is surely expected to gain less than this.",
    )

    least_confidence = models.FloatField(
        verbose_name="least confidence of a label",
        default=0.0,
        help_text="Labels of people that are less sure are not trained on. 0: all are. Rulings always count.",
    )
    promotion_rule = models.CharField(
        verbose_name="a new adapter is promoted",
        max_length=10,
        choices=PromotionRule,
        default=PromotionRule.BETTER,
        help_text="Both are measured on the same holdout pairs.",
    )
    promotion_margin = models.FloatField(
        verbose_name="margin of promotion",
        default=0.01,
        help_text="How much less holdout accuracy is let pass under the second rule: 0.01 is one point.",
    )
    adapters_kept = models.PositiveSmallIntegerField(
        verbose_name="adapters kept",
        default=10,
        help_text="Older ones lose their files and predictions; never the champion, nor the one before it.",
    )

    loop_enabled = models.BooleanField(
        verbose_name="the loop turns by itself",
        default=True,
        help_text="Train, promote, score and select without being asked.",
    )
    train_after = models.PositiveIntegerField(
        verbose_name="labels until the next training",
        default=300,
        help_text="Train again when this many new consensus labels are there.",
    )
    check_seconds = models.PositiveIntegerField(
        verbose_name="seconds between two looks",
        default=300,
        help_text="How often, in seconds, Winnow looks whether there is something to do.",
    )
    loop_checked_at = models.DateTimeField(null=True, editable=False)

    judge_spec = models.JSONField(
        verbose_name="the judge",
        default=dict,
        blank=True,
        help_text="Settings of the judge that differ from the default, such as base_model.",
    )
    shard_size = models.PositiveIntegerField(
        verbose_name="pairs per scoring task",
        default=5000,
        help_text="How many pairs a worker scores at a time, on average. One that is killed loses at most these.",
    )
    price_per_hour = models.FloatField(
        verbose_name="price of a worker per hour",
        default=0.0,
        help_text="What an hour of one scoring worker costs; jobs then show their cost. 0: not known.",
    )
    currency = models.CharField(
        verbose_name="currency",
        max_length=10,
        blank=True,
        default="",
        help_text="Of that price, as it is to be shown: EUR.",
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(overlap__gte=1),
                name="project_overlap_positive",
                violation_error_message="A pair needs at least one judgment.",
            ),
            models.CheckConstraint(
                condition=Q(max_overlap__gte=F("overlap")),
                name="project_max_overlap_not_less",
                violation_error_message='"Judgments per pair at most" must not be less than "judgments per pair".',
            ),
            models.CheckConstraint(
                condition=Q(random_share__gt=0, random_share__lte=1),
                name="project_random_share_never_zero",
                violation_error_message="The share drawn at random must be above 0 and at most 1.",
            ),
            models.CheckConstraint(
                condition=Q(gold_share__gte=0, repeat_share__gte=0, gold_share__lte=0.5 - F("repeat_share")),
                name="project_checks_are_the_smaller_part",
                violation_error_message="Gold pairs and repeats together are 0 to 0.5 of what an annotator gets.",
            ),
            models.CheckConstraint(
                condition=Q(pass_mark__gt=0, pass_mark__lte=1),
                name="project_pass_mark_is_a_share",
                violation_error_message="The pass mark is above 0 and at most 1.",
            ),
            models.CheckConstraint(
                condition=Q(agreement_goal__gt=0, agreement_goal__lte=1),
                name="project_agreement_goal_is_a_share",
                violation_error_message="The agreement to reach is above 0 and at most 1.",
            ),
            models.CheckConstraint(
                condition=Q(holdout_percent__gte=1) & Q(holdout_percent__lte=99 - F("calibration_percent")),
                name="project_splits_leave_training",
                violation_error_message="The holdout needs at least 1 percent, and with calibration at most 99.",
            ),
            models.CheckConstraint(
                condition=Q(batch_size__gte=1, max_per_query__gte=1, shard_size__gte=1, train_after__gte=1),
                name="project_sizes_positive",
                violation_error_message="Sizes of rounds, queries, scoring tasks and trainings start at 1.",
            ),
            models.CheckConstraint(
                condition=Q(label_floor__gte=0, label_floor__lte=0.5),
                name="project_label_floor_is_small",
                violation_error_message="The least share of each label is 0 to 0.5.",
            ),
            models.CheckConstraint(
                condition=Q(round_worth__gte=0, round_worth__lt=1),
                name="project_round_worth_is_a_difference",
                violation_error_message="The alpha that a round is worth is at least 0 and below 1.",
            ),
            models.CheckConstraint(
                condition=Q(promotion_margin__gte=0, promotion_margin__lt=0.5),
                name="project_promotion_margin_is_small",
                violation_error_message="The margin of promotion is at least 0 and below 0.5.",
            ),
            models.CheckConstraint(
                condition=Q(least_confidence__gte=0, least_confidence__lte=1),
                name="project_least_confidence_is_a_share",
                violation_error_message="The least confidence of a label is 0 to 1.",
            ),
            models.CheckConstraint(
                condition=Q(price_per_hour__gte=0, price_per_hour__lte=1_000_000),
                name="project_price_not_negative",
                violation_error_message="The price of a worker per hour is at least 0 and at most a million.",
            ),
            models.CheckConstraint(
                condition=Q(adapters_kept__gte=1),
                name="project_adapters_kept_positive",
                violation_error_message="At least 1 adapter is kept.",
            ),
        )

    def __str__(self) -> str:
        return self.name
