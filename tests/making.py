"""Things that tests need in the database, made through the actions that people use."""

import itertools
import uuid

from labeling.actions.members import add_member
from labeling.actions.projects import create_project
from labeling.actions.rounds import Drawn, open_round
from labeling.guidelines.parse import default_source
from labeling.models import (
    GoldPair,
    Membership,
    Pair,
    Product,
    ProductRevision,
    Project,
    Query,
    Role,
    Round,
    Split,
    User,
)
from labeling.models.query import query_digest, split_of
from labeling.queries.projects import labels_of

numbers = itertools.count(1)

# Walks through the default guideline, by the label they end in.
PATHS = {
    "E": "need:yes,type:yes,conflict:no,silent:no",
    "S": "need:yes,type:yes,conflict:yes,accept:yes",
    "C": "need:yes,type:no,job:no,together:yes",
    "I": "need:yes,type:no,job:no,together:no",
}


def make_project(**settings: object) -> Project:
    """Make a project with the default guideline and a name nobody else has."""
    slug = f"shop-{uuid.uuid4().hex[:10]}"
    project = create_project(slug, f"Shop {slug[-4:]}", default_source())
    if settings:
        Project.objects.filter(pk=project.pk).update(**settings)
        project.refresh_from_db()
    return project


def make_user(name: str = "person") -> User:
    """Make an account; nobody can sign in with it by password."""
    return User.objects.create(username=f"{name}-{uuid.uuid4().hex[:10]}")


def make_member(project: Project, role: Role = Role.ANNOTATOR) -> Membership:
    """Make a person with a role in the project."""
    return add_member(project, make_user(str(role)), role)


def make_pair(project: Project, query_text: str | None = None, title: str | None = None, locale: str = "us") -> Pair:
    """Make a pair, and its query and product where they are new; titles tell products apart."""
    number = next(numbers)
    text = query_text or f"query {number}"
    digest = query_digest(locale, text)
    query, _ = Query.objects.get_or_create(
        project=project,
        digest=digest,
        defaults={
            "text": text,
            "locale": locale,
            "split": split_of(digest, project.holdout_percent, project.calibration_percent),
        },
    )
    product = Product.objects.create(project=project, external_id=f"B{number:09}", locale=locale)
    product.revision = ProductRevision.objects.create(
        product=product,
        digest=uuid.uuid4(),
        title=title or f"Product {number}",
        brand="Ardenbay",
        colour="Green",
        bullets="Keeps water cold\nFits a <b>cup holder</b>",
        description="<p>A bottle for long days.</p>",
    )
    product.save()
    return Pair.objects.create(project=project, query=query, product=product)


def make_pairs(project: Project, count: int, per_query: int = 10) -> list[Pair]:
    """Make many pairs in few statements: products like those of make_pair, several to a query."""
    first = next(numbers)
    texts = [f"query {first} {number}" for number in range(-(-count // per_query))]
    digests = [query_digest("us", text) for text in texts]
    queries = Query.objects.bulk_create(
        Query(project=project, text=text, locale="us", digest=digest, split=split_of(digest, 20, 10))
        for text, digest in zip(texts, digests, strict=True)
    )
    products = Product.objects.bulk_create(
        Product(project=project, external_id=f"B{first:04}-{number:06}", locale="us") for number in range(count)
    )
    revisions = ProductRevision.objects.bulk_create(
        ProductRevision(
            product=product,
            digest=uuid.uuid4(),
            title=f"Product {product.external_id}",
            brand="Ardenbay",
            bullets="Keeps water cold\nFits a <b>cup holder</b>",
            description="<p>A bottle for long days.</p>",
        )
        for product in products
    )
    for product, revision in zip(products, revisions, strict=True):
        product.revision = revision
    Product.objects.bulk_update(products, ["revision"], batch_size=1000)
    return Pair.objects.bulk_create(
        Pair(project=project, query=queries[number // per_query], product=product)
        for number, product in enumerate(products)
    )


def make_pair_of(project: Project, split: Split) -> Pair:
    """Make a pair whose query is in the given split: texts are made up until one is."""
    while True:
        text = f"query {next(numbers)} of a split"
        if split_of(query_digest("us", text), project.holdout_percent, project.calibration_percent) == split:
            return make_pair(project, text)


def make_round(project: Project, pairs: list[Pair], stream: str = "random") -> Round:
    """Open a round with these pairs, in their order."""
    chance = 1.0 if stream == "random" else None
    drawn = [Drawn(pair_id=pair.pk, stream=stream, chance=chance, score=None) for pair in pairs]
    return open_round(project, drawn, strategy="uniform", seed=1, pool_size=len(pairs))


def make_gold(
    project: Project, key: str = "E", use: str = "check", pair: Pair | None = None, **fields: object
) -> GoldPair:
    """Make a gold pair with the label of this key, of a new pair if none is given."""
    label = next(label for label in labels_of(project) if label.key == key)
    pair = pair or make_pair(project)
    return GoldPair.objects.create(project=project, pair=pair, label=label, use=use, origin="test", **fields)
