"""The OpenAPI document, and that every door keeps to it whatever it is sent."""

from collections.abc import Callable, Iterator
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

EXAMPLES = 15
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


@pytest.fixture
def credentials() -> Callable[[Any], dict[str, str]]:
    """Of the caller whom an operation is for."""
    account = builders.an_account(external_id="sri")
    app = an_app(account)
    platform = a_platform("catalogue", "tokens", "delivery", "purchases", "wallet", "ops")

    def of(operation: Any) -> dict[str, str]:
        schemes = {name for scheme in operation.definition.raw.get("security", []) for name in scheme}
        return platform.headers if "ApiKey" in schemes else app.headers if schemes else {}

    return of


def test_every_door_answers_as_the_document_says(api_schema, credentials):
    operations = [found.ok() for found in api_schema.get_all_operations()]
    for operation in operations:
        try_out(operation, credentials(operation))
    assert len(operations) >= len(PATHS)


def try_out(operation: Any, headers: dict[str, str]) -> None:
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
    "/notifications",
    "/platform/accounts/{external_id}",
    "/platform/accounts/{external_id}/sign-in-links",
    "/platform/accounts/{external_id}/tokens",
    "/platform/bulk",
    "/platform/lives/{external_id}",
    "/platform/videos/{external_id}",
]
