"""`set_market` and `set_login`: facts and logins from a terminal."""

import json
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from promote.markets.models import Market
from tests.builders import a_user, an_account

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> dict:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_a_markets_facts_are_set_by_name_in_several_markets_at_once():
    answer = run("set_market", "GB,ID", "duration_min_s=180", "packages_coins=[50, 100]", "tax_name=VAT 2")
    assert answer["markets"]["ID"] == {"duration_min_s": 180, "packages_coins": [50, 100], "tax_name": "VAT 2"}
    assert Market.objects.filter(duration_min_s=180, packages_coins=[50, 100]).count() == 2


@pytest.mark.parametrize(
    "fact",
    [
        "duration_min_s=0",
        "duration_min_s=-5",
        "duration_min_s=true",
        "duration_min_s=soon",
        "duration_min_s=99999999999",
        "duration_max_s=1",
        "packages_coins=50",
        'packages_coins=["50"]',
        "packages_coins=[0]",
        'reserve_micros={"video_views": "2"}',
        'reserve_micros={"video_views": 2000}',
        'objective_value={"video_views": 1.0, "flavour": 1.0}',
        "action_of_objective={}",
        "pausing_allowed=1",
        "tax_percent=a lot",
        "flavour=sweet",
        "code=XX",
        "duration_min_s",
    ],
)
def test_a_fact_that_the_market_cannot_hold_changes_nothing(fact):
    before = Market.objects.values().get(code="GB")
    with pytest.raises(CommandError):
        run("set_market", "GB", "review_deadline_s=60", fact)
    assert Market.objects.values().get(code="GB") == before


@pytest.mark.parametrize("name", ["reserve_micros", "objective_value"])
@pytest.mark.parametrize("wrong", [0, -1, None, "much"])
def test_what_an_objective_costs_and_is_worth_is_above_0_for_each_of_them(name, wrong):
    facts = {**getattr(Market.objects.get(code="GB"), name), "video_views": wrong}
    with pytest.raises(CommandError, match=r"above 0|kind"):
        run("set_market", "GB", f"{name}={json.dumps(facts)}")


def test_an_unknown_market_changes_none_of_those_named_with_it():
    with pytest.raises(CommandError, match="ZZ"):
        run("set_market", "GB,ZZ", "duration_min_s=180")
    assert Market.objects.get(code="GB").duration_min_s != 180


def test_an_account_gets_a_login_and_a_new_password_when_asked_again():
    account = an_account(external_id="batik")
    first, second = run("set_login", "batik", "sari"), run("set_login", "batik", "sari")
    account.refresh_from_db()
    assert first["password"] != second["password"]
    assert authenticate(username="sari", password=first["password"]) is None
    assert authenticate(username="sari", password=second["password"]) == account.user


@pytest.mark.parametrize("username", ["taken", "", "two words"])
def test_a_login_needs_a_free_and_proper_name(username):
    an_account(external_id="batik")
    a_user(username="taken")
    with pytest.raises(CommandError):
        run("set_login", "batik", username)


def test_a_login_for_nobody_is_refused():
    with pytest.raises(CommandError, match="nobody"):
        run("set_login", "nobody", "sari")


def test_an_account_keeps_the_name_it_signs_in_with():
    an_account(external_id="batik")
    run("set_login", "batik", "sari")
    with pytest.raises(CommandError, match="sari"):
        run("set_login", "batik", "dewi")


def test_many_commands_share_one_start_and_each_has_its_answer(monkeypatch):
    an_account(external_id="batik")
    lines = "set_login batik sari\n\nset_market ZZ duration_min_s=180\nno_such_command\nunclosed '\n"
    monkeypatch.setattr("sys.stdin", StringIO(lines))
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("each", stdout=out)
    first, second, third, fourth = (json.loads(line) for line in out.getvalue().splitlines())
    assert (first["ok"], first["answer"]["username"]) == (True, "sari")
    assert (second["ok"], second["answer"]["error"]["code"]) == (False, "invalid")
    assert (third["ok"], fourth["ok"]) == (False, False)
