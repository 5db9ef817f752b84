"""Admin pages whose rows are made elsewhere: staff reads them, in coins and currencies and words, as people count."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from promote import ids
from promote.money import exponent, format_micros, format_price
from promote.refusals import NotFound

_MICROS, _MINOR = "micros", "minor"


@dataclass(frozen=True, slots=True)
class Cell:
    text: object
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What `admin/_desk_table.html` draws. `empty` says why there is no row yet."""

    columns: Sequence[Any]
    rows: Sequence[Sequence[Cell]]
    empty: Any
    numbers: frozenset[int] = frozenset()
    """The columns that hold numbers, from 0: they stand under each other at the end."""

    @property
    def named(self) -> list[list[tuple[Any, Cell]]]:
        """Each cell with its column's name, which a phone says before it."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of a list that wait for a person: `ModelAdmin.to_do`, counted on the admin's first page. Count by an
    index: it is asked each time. `query` shows them in the list."""

    name: Any
    query: str
    count: Callable[[], int]
    is_bad: bool = False
    """Something is broken, rather than simply next."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A `Waiting` that has some, and where they are."""

    name: Any
    times: int
    address: str
    is_bad: bool


def waiting_for(request: HttpRequest) -> list[Counted]:
    """What waits for who is at the desk, what is broken first; lists that they may not see wait for others."""
    found = []
    for model, desk in admin.site._registry.items():
        told: Waiting | None = getattr(desk, "to_do", None)
        if told is not None and desk.has_view_permission(request) and (times := told.count()):
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + told.query
            found.append(Counted(told.name, times, address, told.is_bad))
    return sorted(found, key=lambda one: not one.is_bad)


class ReadsWell:
    """Finds rows by our ids, and shows fields in micros as coins, in minor units as money of the row's currency, and
    JSON as lines. Put it before ModelAdmin, or an inline; `list_display` and `fields` name the fields as ever.
    """

    model: type[models.Model]
    ids_searched: Mapping[str, str] = {}
    """Which of our ids can be searched for: their prefix, and the field that has them."""
    tones: Mapping[str, Mapping[str, str]] = {}
    """Fields that stand as a pill, and its tone by their value: good, warn, bad or accent; any other is plain."""

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        prefix = search_term.strip().partition("_")[0]
        field = self.ids_searched.get(prefix)
        if field:
            with contextlib.suppress(NotFound):
                return queryset.filter(**{field: ids.parse(prefix, search_term.strip())}), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[misc]

    def get_list_display(self, request: HttpRequest) -> Any:
        return [self._readable(name) for name in super().get_list_display(request)]  # type: ignore[misc]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """What is typed in such a unit says so."""
        found = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        unit = {_MICROS: _("millionths of a coin"), _MINOR: _("the currency's smallest unit")}
        told = unit.get(db_field.name.rpartition("_")[2])
        if found is not None and told:
            found.label = _("%(what)s, in %(unit)s") % {"what": _label(db_field).capitalize(), "unit": told}
        return found

    def _readable(self, name: Any) -> Any:
        if not isinstance(name, str) or hasattr(self, name):
            return name
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            return name
        pills = name in self.tones
        show = partial(_as_pill, field, self.tones[name]) if pills else _shown_as(field)
        if show is None:
            return name
        # The same each time: a form of an inline leaves out what it finds among its read-only fields.
        columns: dict[str, Any] = self.__dict__.setdefault("_columns", {})
        return columns.setdefault(name, _column(field, show))


class LookOnly(ReadsWell):
    """Nobody adds, changes or deletes here. Put it before ModelAdmin, or an inline."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if obj is None:  # a page that adds a row
            return list(found)
        return [(title, {**options, "fields": self._all_readable(options["fields"])}) for title, options in found]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        own = list(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        named: Any = self
        if obj is None or not (named.fields or named.fieldsets):
            return own
        return list(dict.fromkeys([*own, *flatten_fieldsets(self.get_fieldsets(request, obj))]))

    def _all_readable(self, names: Any) -> list[Any]:
        return [
            tuple(map(self._readable, name)) if isinstance(name, list | tuple) else self._readable(name)
            for name in names
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def pill(word: object, tone: str = "") -> SafeString:
    """A state as a word in a frame; the tone is never the only difference."""
    return format_html('<span class="desk-pill desk-pill-{}">{}</span>', tone or "plain", word)


def money(amount_minor: int, currency: str) -> str:
    """`−US$1.00`."""
    return ("−" if amount_minor < 0 else "") + format_price(abs(amount_minor), currency, exponent(currency))


def coins(micros: int) -> str:
    """Coins with up to two decimals."""
    return ("−" if micros < 0 else "") + format_micros(abs(micros))


def lines(value: Any) -> SafeString | str:
    """JSON as people read it: a line a name, lists one after the other."""
    if isinstance(value, dict) and value:
        rows = ((str(name).replace("_", " "), lines(part)) for name, part in value.items())
        return format_html("<table>{}</table>", format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows))
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return format_html_join("", "<div>{}</div>", ((lines(part),) for part in value))
    if isinstance(value, list) and value:
        return ", ".join(str(lines(part)) for part in value)
    if isinstance(value, bool) or not isinstance(value, int):
        return "–" if value is None or value in ("", [], {}) else str(value)
    return number_format(value, force_grouping=True)


def _shown_as(field: Any) -> Callable[[Any], SafeString | str] | None:
    """How a field's value is shown; None where Django's own way will do."""
    name, unit = field.name, field.name.rpartition("_")[2]
    if isinstance(field, models.JSONField):
        return lambda row: lines(getattr(row, name))
    if unit == "coins" and isinstance(field, models.IntegerField):
        return lambda row: "–" if getattr(row, name) is None else number_format(getattr(row, name), force_grouping=True)
    if unit == _MICROS and isinstance(field, models.IntegerField):
        return lambda row: "–" if getattr(row, name) is None else coins(getattr(row, name))
    if unit == _MINOR and isinstance(field, models.IntegerField):
        return lambda row: _money_of(row, getattr(row, name))
    return None


def _as_pill(field: Any, tones: Mapping[str, str], row: Any) -> SafeString:
    return pill(getattr(row, f"get_{field.name}_display")(), tones.get(getattr(row, field.name), ""))


def _money_of(row: Any, amount_minor: int | None) -> str:
    currency = getattr(row, "currency", "")
    if amount_minor is None or not currency:
        return "–"
    return money(amount_minor, currency)


def _label(field: Any) -> str:
    """Its name without the unit, which the value shows."""
    words = [word for word in str(field.verbose_name).split() if word not in (_MICROS, _MINOR)]
    return " ".join(words) or str(_("coins"))


def _column(field: Any, show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @admin.display(description=_label(field), ordering=field.name)
    def column(row: Any) -> Any:
        return show(row)

    column.__name__ = field.name
    return column
