"""Behind our proxy a caller is whom the proxy saw, whatever the caller says of it."""

from typing import Any

import pytest

from promote.config.proxied import seen_by_proxy


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        (None, "10.0.0.1"),
        ("", "10.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("made up,2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_last_address_counts(forwarded: str | None, caller: str) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        seen.update(environ)
        return []

    told = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    seen_by_proxy(application)({"REMOTE_ADDR": "10.0.0.1", "PATH_INFO": "/", **told}, lambda *_: None)
    assert (seen["REMOTE_ADDR"], seen["PATH_INFO"]) == (caller, "/")
