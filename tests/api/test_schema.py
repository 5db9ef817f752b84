"""The OpenAPI document, and that every door keeps to it whatever it is sent."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import builders
from tests.api.callers import Caller, a_platform, an_app

pytestmark = pytest.mark.django_db

EXAMPLES = 10
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


@pytest.fixture
def api_schema() -> Iterator[Any]:
    """The document, asked of the application itself, which must not end the test's own transaction meanwhile."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/schema", get_wsgi_application())
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@dataclass(frozen=True)
class Known:
    """What exists, so that a door is tried where it opens too: by chance nobody hits an id."""

    app: dict[str, str]
    platform: dict[str, str]
    places: dict[str, str]
    target: str

    def headers(self, operation: Any) -> dict[str, str]:
        schemes = {name for scheme in operation.definition.raw.get("security", []) for name in scheme}
        return self.platform if "ApiKey" in schemes else self.app if schemes else {}


@pytest.fixture
def known() -> Known:
    account = builders.an_account(external_id="sri")
    builders.coins_for(account, 100_000)
    order = builders.an_order(account)
    invoice = str(uuid.uuid4().hex)
    return Known(
        app=an_app(account).headers,
        platform=a_platform("catalogue", "tokens", "delivery", "purchases", "wallet", "ops").headers,
        places={"external_id": "sri", "order": order.public_id, "public_id": f"top_{invoice}"},
        target=order.target.public_id,
    )


def test_every_door_answers_as_the_document_says(api_schema, known):
    operations = [found.ok() for found in api_schema.get_all_operations()]
    for operation in operations:
        try_out(operation, known)
    assert len(operations) >= len(PATHS)


def try_out(operation: Any, known: Known) -> None:
    headers = known.headers(operation)
    chance = random.Random(operation.label)

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def keeps_to_it(case: Any) -> None:
        for place in case.path_parameters or {}:
            if place in known.places and chance.random() < 0.8:
                case.path_parameters[place] = known.places[place]
        if isinstance(case.body, dict) and "target" in case.body:
            case.body["target"] = known.target
        case.call_and_validate(headers=headers, checks=CHECKS)

    keeps_to_it()


def test_the_document_is_openapi_3_1_and_names_every_door_of_the_contract():
    document = Caller().get("/schema").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) >= {f"/api/v1{path}" for path in PATHS}


def test_every_door_says_that_it_may_answer_with_a_problem_and_has_a_name():
    document = Caller().get("/schema").json()
    names = []
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "default" in operation["responses"], operation
            names.append(operation["operationId"])
    assert len(names) == len(set(names))


def test_the_page_of_the_document_needs_no_other_host(static_files):
    page = Caller().get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.content.decode().replace("https://promote", "")


PATHS = [
    "/auth/refresh",
    "/central",
    "/eligibility",
    "/invoices",
    "/invoices/{public_id}.pdf",
    "/notifications",
    "/offers",
    "/offers/redeem",
    "/orders",
    "/orders/{order}",
    "/orders/{order}/appeal",
    "/orders/{order}/charges",
    "/orders/{order}/diagnosis",
    "/orders/{order}/end",
    "/orders/{order}/pause",
    "/orders/{order}/report",
    "/orders/{order}/resume",
    "/platform/accounts/{external_id}",
    "/platform/accounts/{external_id}/sign-in-links",
    "/platform/accounts/{external_id}/tokens",
    "/platform/bulk",
    "/platform/gifts",
    "/platform/lives/{external_id}",
    "/platform/videos/{external_id}",
    "/quotes",
    "/top-ups",
    "/top-ups/methods",
    "/top-ups/{public_id}",
    "/wallet",
    "/wallet/statement",
]
