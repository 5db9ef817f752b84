"""The commands that hand out keys and passwords, and what every command answers to a program."""

import io
import json
import sys

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, ManagementUtility, call_command

from promote.accounts.models import User
from promote.keys import platform_keys, staff
from promote.keys.models import PlatformKey
from tests.builders import NOON

pytestmark = pytest.mark.django_db


def ran(*words):
    out = io.StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue().strip().splitlines()[-1])


def test_a_platform_key_is_shown_once_and_opens_its_scopes():
    result = ran("create_platform_key", "Shop", "--scope", "catalogue", "--scope", "tokens")
    found = platform_keys.find(result["key"], now=NOON)
    assert (found.name, found.scopes) == ("Shop", ["catalogue", "tokens"])
    assert result["key"] not in json.dumps(PlatformKey.objects.values().get(), default=str)


@pytest.mark.parametrize("words", [["Shop"], ["Shop", "--scope", "all"], ["", "--scope", "ops"]])
def test_a_key_without_a_name_or_a_known_scope_is_not_made(words):
    with pytest.raises(CommandError):
        ran("create_platform_key", *words)
    assert not PlatformKey.objects.exists()


@pytest.mark.parametrize("role", ["reviewer", "finance", "coupons", "markets", "support"])
def test_a_member_of_staff_signs_in_with_the_password_shown(role, client):
    result = ran("create_staff", "rani", "--role", role)
    assert client.login(username=result["username"], password=result["password"])
    user = User.objects.get(username="rani")
    assert user.is_staff
    assert not user.is_superuser
    assert [group.name for group in user.groups.all()] == [role]
    assert user.get_all_permissions()


def test_a_reviewer_may_review_and_not_change_the_markets():
    ran("create_staff", "rani", "--role", "reviewer")
    user = User.objects.get(username="rani")
    assert user.has_perm("orders.review_order")
    assert not user.has_perm("markets.change_market")
    assert not user.has_perm("payments.view_ledgeraccount")


@pytest.mark.parametrize("words", [["rani"], ["rani", "--role", "boss"], ["", "--role", "support"]])
def test_staff_without_a_name_or_a_known_role_is_not_made(words):
    with pytest.raises(CommandError):
        ran("create_staff", *words)
    assert not User.objects.exists()


def test_a_name_is_taken_once():
    ran("create_staff", "rani", "--role", "support")
    with pytest.raises(CommandError, match="taken"):
        ran("create_staff", "rani", "--role", "support")


def test_every_permission_of_a_role_exists():
    known = set(Permission.objects.values_list("codename", flat=True))
    assert {name: set(names) - known for name, names in staff.ROLES.items()} == {name: set() for name in staff.ROLES}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["create_platform_key", "Shop"], "invalid", "scope"),
        (["grant_coins", "nobody", "5"], "invalid", "nobody"),
        (["grant_coins", "nobody", "0"], "invalid", "whole number"),
        (["review_order", "ord_x", "approve", "--by", "nobody"], "invalid", "nobody"),
        (["grant_offer", "nobody", "--coins", "5"], "invalid", "nobody"),
    ],
)
def test_a_command_that_did_nothing_says_why_in_one_object(words, code, told):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command(*words, "--json", stdout=out)
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["error"]["code"] == code
    assert told in json.loads(line)["error"]["detail"]


@pytest.mark.parametrize("words", [["grant_coins", "shop", "many"], ["review_order"], ["grant_offer", "shop"]])
def test_words_that_make_no_sense_are_told_in_one_object_too(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["manage.py", *words, "--json"])
    with pytest.raises(SystemExit) as exit_:
        ManagementUtility(sys.argv).execute()
    assert exit_.value.code == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "invalid"
