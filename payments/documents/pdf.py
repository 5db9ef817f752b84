"""Typst sets the page. The template is ours alone: what stands on the sheet reaches it as data, never as markup."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import typst

TEMPLATE = Path(__file__).parent / "invoice.typ"
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
    """The PDF of a sheet: the same sheet gives the same bytes. No system font, no network."""
    document: bytes = typst.compile(
        str(TEMPLATE),
        root=str(PROJECT),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False)},
        format="pdf",
        pdf_standards=[STANDARD],
        timestamp=int(issued_at.timestamp()),
    )
    return document


@cache
def _fonts() -> list[str]:
    return [str(files(package) / folder) for package, folder in _FONT_FOLDERS.items()]
