"""Typst sets the page. The template is ours alone: what stands on the sheet reaches it as data, never as markup."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import typst

from payments.documents import glyphs

TEMPLATE, ONE_SIGN = (Path(__file__).parent / name for name in ("invoice.typ", "sign.typ"))
PROJECT = Path(__file__).resolve().parents[2]
"""The template's root: it takes the mark from static/."""
STANDARD: Literal["a-3b"] = "a-3b"
"""PDF/A-3b: archivable, and able to carry an electronic invoice later."""

# OFL fonts as packages: Latin, Thai, Arabic, and Japanese with Korean and Chinese.
_FONT_FOLDERS = {
    "fontpkg_noto_sans": "files",
    "fontpkg_noto_sans_thai": "files",
    "fontpkg_noto_sans_arabic": "files",
    "noto_cjk_sans_jp_regular": "",
}


def render(sheet: Mapping[str, Any], *, issued_at: datetime) -> bytes:
    """The PDF of a sheet: the same sheet gives the same bytes. No system font, no network.

    What no font has stands as an empty box (glyphs.py): a paper is made of whatever people call themselves.
    """
    try:
        return _set(sheet, issued_at)
    except typst.TypstError:
        return _set(glyphs.boxed(sheet, can_set=_can_set), issued_at)


def _set(sheet: Mapping[str, Any], issued_at: datetime) -> bytes:
    return _compiled(
        TEMPLATE,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False)},
        timestamp=int(issued_at.timestamp()),
    )


@glyphs.remembered
def _can_set(sign: str) -> bool:
    try:
        _compiled(ONE_SIGN, sys_inputs={"sign": sign})
    except typst.TypstError:
        return False
    return True


def _compiled(template: Path, **given: Any) -> bytes:
    document: bytes = typst.compile(
        str(template),
        root=str(PROJECT),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=[STANDARD],
        **given,
    )
    return document


@cache
def _fonts() -> list[str]:
    return [str(files(package) / folder) for package, folder in _FONT_FOLDERS.items()]
