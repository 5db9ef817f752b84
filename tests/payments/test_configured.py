"""Which providers a system has: by its settings, all or nothing, and never test money in production."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings

from payments import gateways
from payments.gateways import apple
from tests.harness.run import ROOT


@contextmanager
def configured(name: str, *, production: bool = False, **options: str) -> Iterator[None]:
    """A system that has keys for this provider alone."""
    config, only = apps.get_app_config("payments"), {**settings.GATEWAYS[name], **options}
    chosen = {other: {} for other in settings.GATEWAYS} | {name: only}
    try:
        with override_settings(PRODUCTION=production, GATEWAYS=chosen):
            config.ready()
            yield
    finally:
        config.ready()


@pytest.mark.parametrize("name", ["stripe", "paypal", "doku", "2c2p", "apple", "google"])
def test_production_refuses_to_start_on_a_provider_in_test_mode(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is in test mode"), configured(name, production=True):
        pass


@pytest.mark.parametrize("name", ["paypal", "doku", "2c2p"])
def test_without_an_address_of_its_own_a_provider_is_the_real_one(name: str) -> None:
    with configured(name, production=True, api_base=""):
        assert gateways.named(name).is_live
    assert not gateways.named(name).is_live


def test_the_stores_are_real_where_nothing_of_a_test_is_set() -> None:
    with configured("apple", production=True, api_base="", root_certificate="", environment="Production"):
        assert gateways.named("apple").is_live
    with configured("google", production=True, api_base=""):
        assert gateways.named("google").is_live


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("apple", {"environment": "Sandbox", "root_certificate": ""}),
        ("apple", {"environment": "Production"}),  # under a root that is not Apple's
        ("google", {"environment": "Test"}),
    ],
)
def test_production_takes_no_purchase_of_a_stores_testers(name: str, option: dict[str, str]) -> None:
    with pytest.raises(ImproperlyConfigured), configured(name, production=True, api_base="", **option):
        pass


@pytest.mark.parametrize("environment", ["Xcode", "LocalTesting"])
def test_an_environment_in_which_apple_signs_nothing_stops_the_start(environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import promote.config.settings"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "APPLE_ENVIRONMENT": environment}, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"APPLE_ENVIRONMENT is {environment}" in done.stderr
    with pytest.raises(ValueError, match="not an environment in which Apple signs"):
        apple.build({**settings.GATEWAYS["apple"], "environment": environment})


def test_the_root_that_is_trusted_is_apples_own() -> None:
    told = "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179"
    assert hashlib.sha256(apple.ROOT.read_bytes()).hexdigest() == told


def test_production_does_not_start_as_the_owner_of_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    one = os.environ["DATABASE_URL"]
    environment = {**os.environ, "PROMOTE_ENV": "production", "DATABASE_OWNER_URL": one}
    done = subprocess.run(
        [sys.executable, "-c", "import promote.config.settings"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "name one role" in done.stderr
    monkeypatch.setitem(settings.DATABASES["owner"], "USER", settings.DATABASES["default"]["USER"])
    with override_settings(PRODUCTION=True), pytest.raises(CommandError, match="Set DATABASE_OWNER_URL"):
        call_command("migrate", verbosity=0)


def test_a_provider_that_is_half_set_stops_the_start_and_names_what_is_missing() -> None:
    environment = {**os.environ, "PAYPAL_CLIENT_ID": "A1", "PAYPAL_CLIENT_SECRET": "", "PAYPAL_WEBHOOK_ID": ""}
    done = subprocess.run(
        [sys.executable, "-c", "import promote.config.settings"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "PAYPAL_CLIENT_SECRET, PAYPAL_WEBHOOK_ID is not set" in done.stderr
