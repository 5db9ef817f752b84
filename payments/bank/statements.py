"""Importing a bank's statement: each file once, each line once, and every line with a reference of ours matched."""

import hashlib
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from payments.bank import camt, csv_files, matching
from payments.bank.rows import MOST_ROWS, Row, unreadable, with_refs
from payments.models import BankAccount, BankLine, BankStatement
from promote.accounts.models import User
from promote.refusals import Refusal

MOST_BYTES = 10_000_000


class ImportedBefore(Refusal):
    code, title = "imported_before", _("Imported before")
    sentence = _("This very file was imported at {at} by {by}. Nothing was changed.")


def import_file(*, bank_account: BankAccount, name: str, raw: bytes, by: User, now: datetime) -> BankStatement:
    """Stores the lines that are new, and proposes what they pay by their references; a second person approves.

    All of the file or nothing. Raises ImportedBefore, and Invalid (`file`) with what is wrong and where.
    """
    if len(raw) > MOST_BYTES:
        raise unreadable(_("This file is larger than 10 MB. Export fewer days."))
    rows = _rows(bank_account, raw)
    sha256 = hashlib.sha256(raw).hexdigest()
    with transaction.atomic():
        bank_account = (
            BankAccount.objects.select_for_update(of=("self",)).select_related("market").get(pk=bank_account.pk)
        )
        before = (
            BankStatement.objects.filter(bank_account=bank_account, sha256=sha256).select_related("imported_by").first()
        )
        if before is not None:
            raise ImportedBefore(at=f"{before.imported_at:%Y-%m-%d %H:%M} UTC", by=before.imported_by)
        known = set(bank_account.lines.filter(ref__in=[row.ref for row in rows]).values_list("ref", flat=True))
        new = {row.ref: row for row in rows if row.ref not in known}
        statement = BankStatement.objects.create(
            bank_account=bank_account,
            name=name[:200],
            sha256=sha256,
            new_lines=len(new),
            known_lines=len(rows) - len(new),
            imported_by=by,
            imported_at=now,
        )
        lines = BankLine.objects.bulk_create([_line(row, statement) for row in new.values()])
        matching.propose_by_reference(lines=lines, by=by, now=now)
        return statement


def _rows(bank_account: BankAccount, raw: bytes) -> list[Row]:
    is_xml = raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    read = camt.read(raw, number=bank_account.number) if is_xml else csv_files.read(raw, account=bank_account)
    rows = list(islice(read, MOST_ROWS + 1))
    if len(rows) > MOST_ROWS:
        raise unreadable(_("This file has more than 20,000 lines. Export fewer days."))
    if not rows:
        raise unreadable(_("This file has no lines."))
    return with_refs(row for row in rows if row.amount_minor)


def _line(row: Row, statement: BankStatement) -> BankLine:
    return BankLine(
        statement=statement,
        bank_account_id=statement.bank_account_id,
        ref=row.ref,
        booked_on=row.booked_on,
        amount_minor=row.amount_minor,
        currency=row.currency[:3],
        text=row.text,
        payer=row.payer[:200],
        payer_account=row.payer_account[:64],
    )
