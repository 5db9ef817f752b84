"""A log says what broke and where, and nothing that a provider, a row or a payer wrote."""

import io
import logging
import logging.config
from collections.abc import Iterator

import pytest
import requests
from celery import shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from payments import notices
from payments.gateways.base import GatewayAway
from payments.models import BillingDetails, Notice, NoticeState
from promote.config.private_log import PrivateFormatter
from tests.builders import an_account

NAME, CARD, SECRET = "Rahayu Lestari", "4242424242424242", "sk_live_51Planted"
SAYS = f'{{"payer": "{NAME}", "card": "{CARD}", "key": "{SECRET}"}}'


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What our processes write, by the formatter that settings give them."""
    chosen = settings.LOGGING["formatters"]["plain"]
    assert chosen["()"].endswith(PrivateFormatter.__name__)
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrivateFormatter(chosen["format"], style=chosen["style"]))
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def nothing_private(text: str) -> bool:
    return not any(planted in text for planted in (NAME, "Rahayu", "Lestari", CARD, SECRET))


def parses_an_answer() -> None:
    try:
        raise requests.JSONDecodeError(f"Expecting value in {SAYS}", SAYS, 0)
    except ValueError as error:
        raise ValueError(f"not what was asked for: {SAYS}") from error


def test_an_error_that_quotes_a_providers_answer_is_told_by_its_kinds_and_places(written: io.StringIO) -> None:
    try:
        parses_an_answer()
    except ValueError as error:
        logging.getLogger("payments").exception("top-up %s can't be asked about: %s", "top_1", error)
    text = written.getvalue()
    assert nothing_private(text)
    assert "ERROR payments: top-up top_1 can't be asked about: ValueError\n" in text
    assert "in parses_an_answer" in text
    assert "requests.exceptions.JSONDecodeError" in text
    assert text.index("JSONDecodeError") < text.index("… which led to:") < text.rindex("ValueError")


@pytest.mark.django_db
def test_a_database_error_is_told_by_its_code_and_constraint_without_the_row(written: io.StringIO) -> None:
    account, log = an_account(), logging.getLogger("payments")
    with pytest.raises(IntegrityError, match=f"Failing row contains.*{NAME}") as broken, transaction.atomic():
        BillingDetails.objects.create(account=account, name=NAME, address=SECRET, tax_id=CARD, updated_at=None)
    log.error("billing details: %s", broken.value, exc_info=broken.value)
    text = written.getvalue()
    assert nothing_private(text)
    assert str(account.id) not in text
    told = "IntegrityError (23502, schema public, table payments_billingdetails, column updated_at)"
    assert f"billing details: django.db.utils.{told}" in text
    assert "psycopg2.errors.NotNullViolation (23502" in text


def test_what_we_raise_ourselves_is_told_whole(written: io.StringIO) -> None:
    logging.getLogger("payments").error("leg %s: %s", "wdl_1", GatewayAway("GET api.doku.com: 502"))
    assert "leg wdl_1: GatewayAway: GET api.doku.com: 502" in written.getvalue()


def test_another_handler_that_kept_the_traceback_gives_nothing_away(written: io.StringIO) -> None:
    logger = logging.getLogger("payments")
    try:
        raise RuntimeError(SAYS)
    except RuntimeError as error:
        record = logger.makeRecord("payments", 40, __file__, 1, "broke", (), (type(error), error, error.__traceback__))
    logging.Formatter().format(record)
    assert record.exc_text
    assert SECRET in record.exc_text
    logger.handle(record)
    assert nothing_private(written.getvalue())
    assert "RuntimeError" in written.getvalue()


@shared_task(name="tests.breaks")
def breaks() -> None:
    raise RuntimeError(SAYS)


def test_a_task_that_fails_is_told_by_its_name_and_place(written: io.StringIO) -> None:
    breaks.apply()
    text = written.getvalue()
    assert "tests.breaks" in text
    assert "in breaks" in text
    assert nothing_private(text)


@pytest.mark.usefixtures("static_files")
@pytest.mark.django_db
def test_the_token_of_a_sign_in_link_is_not_written_where_its_page_refuses(written: io.StringIO) -> None:
    Client(enforce_csrf_checks=True).post("/sign-in/hers-and-good-for-five-minutes/")
    assert "/sign-in/…" in written.getvalue()
    assert "hers-and-good" not in written.getvalue()


@pytest.mark.django_db
def test_a_notice_that_breaks_us_shows_staff_the_kind_of_error_alone(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_down(*_: object, **__: object) -> None:
        raise LookupError(SAYS)

    now = timezone.now()
    Notice.objects.create(
        gateway="stripe", event_id="evt_1", kind="x", raw=b"{}", headers={}, received_at=now, try_at=now
    )
    monkeypatch.setattr(notices, "_work", breaks_down)
    notices.process_due(limit=1, now=now)
    row = Notice.objects.get()
    assert (row.state, row.error) == (NoticeState.WAITING, "LookupError")
    assert nothing_private(written.getvalue())
    assert "in breaks_down" in written.getvalue()
