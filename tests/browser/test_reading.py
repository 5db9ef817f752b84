"""What a phone shows where captions run the other way, and where the letters are twice as large."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.builders import a_delivering_order, a_video, an_order, coins_for
from tests.front.visitors import an_advertiser, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

CSS = Path(__file__).parents[2] / "static/css"
SHEETS = ("tokens", "base", "shell", "parts/actions", "parts/forms", "parts/figures", "parts/states", "parts/lists")
LONG = "Sixty tote bags that were dyed by hand, how they are folded, packed and sent, and who does it all"
ARABIC = "قهوة عربية على الفحم خطوة بخطوة"

FIRST_LETTER = """link => {
    const range = document.createRange(), box = link.getBoundingClientRect();
    range.setStart(link.firstChild, 0); range.setEnd(link.firstChild, 1);
    const letter = range.getBoundingClientRect();
    return letter.left >= box.left - 1 && letter.right <= box.right + 1;
}"""
TEXT_BEGINS_AT = """link => {
    const range = document.createRange();
    range.selectNodeContents(link);
    return Math.round(range.getBoundingClientRect().left - link.getBoundingClientRect().left);
}"""
CUT_OFF = """where => [...document.querySelectorAll(where)].flatMap(part => {
    const box = part.getBoundingClientRect(), walk = document.createTreeWalker(part, NodeFilter.SHOW_TEXT), cut = [];
    for (let node; (node = walk.nextNode());) {
        const range = document.createRange();
        range.selectNodeContents(node);
        const clipped = node.parentElement.closest(".clip, .two-lines, .hear, svg");
        if (!node.data.trim() || clipped) continue;
        for (const line of range.getClientRects())
            if (line.left < box.left - 1 || line.right > box.right + 1) cut.push(node.data.trim());
    }
    return cut;
})"""
LAID_OVER = """where => [...document.querySelectorAll(where)].flatMap(row => {
    const lines = [...row.children].flatMap(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return [...range.getClientRects()].map(rect => ({ cell, rect }));
    });
    return lines.flatMap((one, i) => lines.slice(i + 1).filter(other =>
        one.cell !== other.cell
        && Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left) > 1
        && Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top) > 4
    ).map(other => one.cell.innerText + " / " + other.cell.innerText));
})"""


def shown(page: Page, response, *, turned: bool = False, letters: str = "100%") -> Page:
    """The answer as a browser draws it, with the house's own sheets."""
    body = response.content.decode()
    page.set_content(body.replace('dir="ltr"', 'dir="rtl"', 1) if turned else body)
    for sheet in (*SHEETS, "pages"):
        page.add_style_tag(path=CSS / f"{sheet}.css")
    page.evaluate("size => { document.documentElement.style.fontSize = size; }", letters)
    return page


@pytest.mark.parametrize(("caption", "turned"), [(LONG, True), (LONG, False), (ARABIC * 4, True), (ARABIC * 4, False)])
def test_a_caption_that_is_cut_shows_its_beginning(new_page: Callable[..., Page], caption, turned):
    account = an_advertiser()
    an_order(account, a_video(account, caption=caption))
    page = shown(new_page(), signed_in(account).get("/orders/"), turned=turned)
    assert page.locator(".row-link").evaluate(FIRST_LETTER)


@pytest.mark.parametrize("caption", ["Tote bags", "قهوة"])
def test_a_short_caption_stands_where_the_pages_text_begins(new_page: Callable[..., Page], caption):
    account = an_advertiser()
    an_order(account, a_video(account, caption=caption))
    page = shown(new_page(), signed_in(account).get("/orders/"))
    assert page.locator(".row-link").evaluate(TEXT_BEGINS_AT) == 0


def test_twice_as_large_letters_are_neither_cut_nor_laid_over_each_other(new_page: Callable[..., Page]):
    account = an_advertiser()
    coins_for(account, 12_345)
    a_delivering_order(account=account)
    an_order(account, a_video(account))
    browser = signed_in(account)
    central = shown(new_page(), browser.get("/promote/"), letters="200%")
    assert central.evaluate(CUT_OFF, ".order-row, .tile") == []
    wallet = shown(new_page(), browser.get("/wallet/"), letters="200%")
    assert wallet.evaluate(CUT_OFF, ".rows > li, .table-stack td") == []
    assert wallet.evaluate(LAID_OVER, ".rows > li > .row, .table-stack tbody tr") == []
    narrow = "cells => Math.min(...cells.map(cell => cell.offsetWidth))"
    assert wallet.locator(".table-stack td:not(.at-end)").evaluate_all(narrow) > 140, "a word fits in its cell"
