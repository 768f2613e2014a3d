"""The lead's page of gold pairs."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.gold import retire_gold
from labeling.models import GoldPair, Membership, Role, Split
from labeling.queries.gold import ENOUGH_GOLD
from tests.labeling.acting import make_members, submit
from tests.labeling.actions.test_gold import make_imported
from tests.labeling.actions.test_qualification import make_school, train
from tests.labeling.actions.test_streams import GOLD_TURN, USUAL_TURN, claimed, make_shop
from tests.making import PATHS, make_gold, make_member, make_pair_of, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client: Client) -> Membership:
    member = make_member(make_shop(pass_mark=0.8), Role.LEAD)
    client.force_login(member.user)
    return member


def address(member: Membership) -> str:
    return reverse("gold", args=[member.project.slug])


def words(content: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", content.decode()).split())


def test_page_without_gold_says_what_it_is_for(client: Client, lead: Membership) -> None:
    page = words(client.get(address(lead)).content)
    assert "No gold pairs yet" in page
    assert "The settings ask for a share of 0.20 gold pairs in the work, and there are none" in page
    assert "Gold pairs are to be mixed into the work, and there are none" in words(
        client.get(f"/p/{lead.project.slug}/").content
    )


def test_lead_draws_gold_from_imported_labels(client: Client, lead: Membership) -> None:
    for key in "EESSI":
        make_imported(lead.project, key)
    reply = client.post(address(lead), {"do": "draw", "source": "imported", "count": "4", "use": "check"}, follow=True)
    assert "4 gold pairs are chosen." in words(reply.content)
    assert GoldPair.objects.filter(project=lead.project, use="check", created_by=lead.user).count() == 4
    more = client.post(
        address(lead), {"do": "draw", "source": "imported", "count": "4", "use": "training"}, follow=True
    )
    assert "1 gold pair is chosen. There were no more whose label is known." in words(more.content)


def test_draw_that_finds_nothing_says_why(client: Client, lead: Membership) -> None:
    reply = client.post(address(lead), {"do": "draw", "source": "settled", "count": "4", "use": "check"})
    assert reply.status_code == 400
    assert "No settled pair can be used" in words(reply.content)
    reply = client.post(address(lead), {"do": "draw", "source": "imported", "count": "0", "use": "check"})
    assert reply.status_code == 400
    assert "greater than or equal to 1" in words(reply.content)


def test_lead_chooses_one_by_hand_from_a_search(client: Client, lead: Membership) -> None:
    pair = make_pair_of(lead.project, Split.TRAIN)
    found = client.get(address(lead), {"q": pair.query.text.upper()}).content.decode()
    assert f"?pair={pair.pk}" in found
    assert f"?pair={pair.pk}" in client.get(address(lead), {"q": pair.product.external_id}).content.decode()
    assert "No query has these words" in words(client.get(address(lead), {"q": "zeppelin"}).content)
    form = client.get(address(lead), {"pair": pair.pk}).content.decode()
    assert "Exact, by any way" in form
    assert f'value="S {PATHS["S"]}"' in form
    fields = {"do": "add", "pair": pair.pk, "answer": f"S {PATHS['S']}", "use": "training", "why": "It does the job."}
    assert "The pair is gold now." in words(client.post(address(lead), fields, follow=True).content)
    gold = GoldPair.objects.get(pair=pair)
    assert (gold.label.key, gold.path, gold.why, gold.use) == ("S", PATHS["S"], "It does the job.", "training")
    again = client.post(address(lead), fields | {"answer": "E"})
    assert again.status_code == 400
    assert "This pair is gold already." in words(again.content)


def test_pair_of_another_project_is_not_found(client: Client, lead: Membership) -> None:
    other = make_pair_of(make_project(), Split.TRAIN)
    for number in (str(other.pk), "no", "9" * 40):
        assert client.get(address(lead), {"pair": number}).status_code == 404
    fields = {"do": "add", "pair": other.pk, "answer": "E", "use": "check"}
    assert client.post(address(lead), fields).status_code == 404
    gold = make_gold(other.project, pair=other)
    for number in (str(gold.pk), "no"):
        assert client.post(address(lead), {"do": "retire", "gold": number}).status_code == 404


def test_gold_is_retired_without_asking_and_restored(client: Client, lead: Membership) -> None:
    gold = make_gold(lead.project)
    reply = client.post(address(lead), {"do": "retire", "gold": gold.pk}, follow=True)
    assert "The pair is retired. To take that back, restore it at the end of the page." in words(reply.content)
    retired = GoldPair.objects.filter(pk=gold.pk, retired_at__isnull=False)
    assert retired.exists()
    client.post(address(lead), {"do": "restore", "gold": gold.pk})
    assert not retired.exists()
    retire_gold(lead.project, gold.pk, lead.user)
    make_gold(lead.project, pair=gold.pair)
    reply = client.post(address(lead), {"do": "restore", "gold": gold.pk}, follow=True)
    assert "This pair is gold again already" in words(reply.content)


def test_gold_that_most_get_wrong_is_flagged(client: Client, lead: Membership) -> None:
    make_gold(lead.project, "E")
    for member in make_members(lead.project, 3):
        submit(member, claimed(member, GOLD_TURN), "C")
    page = words(client.get(address(lead)).content)
    assert "Most people answer 1 gold pair differently" in page
    assert "Most say C Complement" in page
    assert "1 gold pair that most people answer differently" in words(client.get(f"/p/{lead.project.slug}/").content)


def test_lead_sees_attempts_results_and_who_is_paused(client: Client) -> None:
    project = make_school(pairs=3, pass_mark=0.8, gold_share=0.2)
    lead, learner, member = make_member(project, Role.LEAD), *make_members(project, 2)
    train(learner, "EES")
    train(learner, "E", attempt=2)
    train(member, "EEE")
    shop = make_shop(pass_mark=0.8)
    below = make_member(shop)
    for _ in range(ENOUGH_GOLD):
        make_gold(shop, "S")
        submit(below, claimed(below, GOLD_TURN), "I")
    client.force_login(lead.user)
    page = words(client.get(address(lead)).content)
    assert f"{learner.user} not passed yet 1 of 1 right (of 3 pairs) , 2 of 3 right" in page
    assert f"{member.user} passed on" in page
    lead_of_shop = make_member(shop, Role.LEAD)
    client.force_login(lead_of_shop.user)
    assert "0.00 (0.00 to 0.43), 5 paused" in words(client.get(address(lead_of_shop)).content)
    overview = client.get(f"/p/{shop.slug}/")
    assert "1 annotator is paused, whose answers to gold pairs are below the pass mark" in words(overview.content)
    assert f'href="/p/{shop.slug}/people/"' in overview.content.decode()


def test_unknown_command_is_refused(client: Client, lead: Membership) -> None:
    reply = client.post(address(lead), {"do": "burn"})
    assert (reply.status_code, reply.content) == (400, b"do is one of draw, add, retire, restore.")


def test_rounds_page_shows_what_was_served_beside_what_is_asked_for(client: Client, lead: Membership) -> None:
    member = make_member(lead.project)
    for _ in range(2):
        make_gold(lead.project)
        submit(member, claimed(member, GOLD_TURN), "E")
    submit(member, claimed(member, USUAL_TURN), "E")
    page = words(client.get(f"/p/{lead.project.slug}/rounds/").content)
    assert "Stream Judgments Share Asked for Random 1 0.33 0.60 Active 0 0.00 0.00 Gold 2 0.67 0.20 Repeat 0" in page


def test_settings_refuse_more_checks_than_work_in_words(client: Client, lead: Membership) -> None:
    url = reverse("settings", args=[lead.project.slug])
    form = client.get(url).context["form"]
    fields = {name: value for name, value in form.initial.items() if value is not None} | {"judge_spec": "{}"}
    reply = client.post(url, fields | {"gold_share": "0.4", "repeat_share": "0.2"})
    assert reply.status_code == 400
    assert "Gold pairs and repeats together are 0 to 0.5 of what an annotator gets." in words(reply.content)
    assert client.post(url, fields | {"gold_share": "0.3", "repeat_share": "0.2"}).status_code == 302
