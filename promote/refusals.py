"""Refusals: what a use case answers when it will not do what was asked. Doors turn them into a page or a problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Refusal(Exception):
    """A clear no. `code` is stable (api.md), `title` names it, `detail` says what is wrong and the way out.

    A class gives `sentence` with `{names}`; an instance fills them. `extra` are further members of the problem.
    """

    code: str = "refused"
    status: int = 409
    title: Text = _("Not possible")
    sentence: Text = _("This can't be done.")

    def __init__(self, *, extra: Mapping[str, Any] | None = None, **names: object) -> None:
        self.names = names
        self.extra: dict[str, Any] = dict(extra or {})
        super().__init__(self.code)

    @property
    def detail(self) -> str:
        return str(self.sentence).format(**self.names) if self.names else str(self.sentence)

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, and what to do."""

    field: str
    code: str
    detail: Text


class Invalid(Refusal):
    code, status = "invalid", 400
    title = _("The request is not valid")
    sentence = _("Please mend the fields named in errors.")

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = list(errors)
        super().__init__()


class NotFound(Refusal):
    code, status = "not_found", 404
    title = _("Not found")
    sentence = _("There is nothing here under this name, or it belongs to another account.")


class NotAuthenticated(Refusal):
    code, status = "not_authenticated", 401
    title = _("Not signed in")
    sentence = _("Sign in, or send a valid key or token in the Authorization header.")


class NotAllowed(Refusal):
    code, status = "not_allowed", 403
    title = _("Not allowed")
    sentence = _("You are not allowed to do this.")


class WrongState(Refusal):
    code, status = "wrong_state", 409
    title = _("Not possible in this state")
    sentence = _("This can't be done any more: its state has changed. Load it again to see what is possible now.")


class RateLimited(Refusal):
    code, status = "rate_limited", 429
    title = _("Too many requests")
    sentence = _("Too many requests. Wait {retry_after_s} seconds and try again.")

    def __init__(self, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(retry_after_s=retry_after_s)
