"""Which languages our documents exist in. Django has dates and signs of many more: a document mixes none."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import to_locale

SOURCE = "en"


def first_spoken(*wanted: str) -> str:
    """The first of the wanted languages that we have a catalogue of, else the one that the code is written in."""
    return next((found for language in wanted if (found := _spoken(language))), SOURCE)


@cache
def _spoken(language: str) -> str | None:
    """`pt-br` for pt-BR where that has a catalogue, `de` for de-AT where only the plain one has."""
    tag = language.lower()
    plain = tag.split("-")[0]
    if plain == SOURCE:
        return SOURCE
    return next((found for found in (tag, plain) if found and _catalogue(found).exists()), None)


def _catalogue(language: str) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / to_locale(language) / "LC_MESSAGES" / "django.mo"
