"""Which languages our own words exist in. Django has dates and signs of many more: a document mixes none."""

from functools import cache

from django.conf import settings
from django.utils.translation import get_supported_language_variant, to_locale

SOURCE = "en"


def first_spoken(*wanted: str) -> str:
    """The first of the wanted languages that we have a catalogue of, else the one that the code is written in."""
    return next((found for language in wanted if (found := _spoken(language))), SOURCE)


@cache
def _spoken(language: str) -> str | None:
    """`pt-br` for pt-BR where that has a catalogue, `pt` where only the plain one has."""
    try:
        found = get_supported_language_variant(language)
    except LookupError:
        return None
    if found.split("-")[0] == SOURCE:
        return found
    for folder in settings.LOCALE_PATHS:
        if (folder / to_locale(found) / "LC_MESSAGES" / "django.mo").exists():
            return found
    return None
