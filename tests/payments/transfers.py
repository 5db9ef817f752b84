"""Transfers to our own bank account in tests: the account, its bank's statements, and two people of finance."""

from datetime import date
from typing import Any

from django.utils import timezone

from payments.bank import matching, references, statements
from payments.models import BankAccount, BankLine, BankMatch, BankStatement, MatchState, TopUp
from promote.accounts.models import User
from tests.builders import a_number

NUMBER = "8880012345"
HEAD = "Date,Description,Amount,Payer,Payer account,Id"


def a_bank_account(market: str = "ID", **facts: Any) -> BankAccount:
    """Takes transfers of a market; its CSV has a column for everything."""
    columns = {"csv_payer": "Payer", "csv_payer_account": "Payer account", "csv_ref": "Id"}
    return BankAccount.objects.create(
        **{"market_id": market, "bank": "BCA", "number": NUMBER, "holder": "Promote", **columns, **facts}
    )


def one_of_finance() -> User:
    return User.objects.create(username=f"finance{a_number()}", is_staff=True)


def a_line(text: str, amount: str, *, ref: str | None = None, payer: str = "Siti", account: str = "111222") -> str:
    return f'2026-11-24,"{text}",{amount},{payer},{account},{ref or f"B{a_number()}"}'


def paying(top_up: TopUp, amount: str | None = None, **facts: Any) -> str:
    """The line of a transfer with the top-up's reference, of its price unless it says otherwise."""
    price = f"{top_up.amount_minor // 100}.{top_up.amount_minor % 100:02d}"
    return a_line(f"TRSF {references.grouped(top_up.provider_ref).lower()} coins", amount or price, **facts)


def csv(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join((head, *lines, "")).encode()


def imported(raw: bytes, *, by: User | None = None, market: str = "ID", name: str = "statement.csv") -> BankStatement:
    account = BankAccount.objects.get(market=market)
    return statements.import_file(
        bank_account=account, name=name, raw=raw, by=by or one_of_finance(), now=timezone.now()
    )


def approved(top_up: TopUp) -> None:
    """A second person approves what was matched to it."""
    match = BankMatch.objects.filter(top_up=top_up, state=MatchState.PROPOSED).first()
    assert match is not None
    matching.approve(match_id=match.id, by=one_of_finance(), now=timezone.now())


def the_line(**facts: Any) -> BankLine:
    return BankLine.objects.get(**facts)


def camt(*entries: str, number: str = NUMBER, version: str = "08", head: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-24T20:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><Othr><Id>{number}</Id></Othr></Id></Acct>{"".join(entries)}</Stmt>
</BkToCstmrStmt></Document>""".encode()


def an_entry(amount: str, *details: str, ref: str = "", kind: str = "CRDT", status: str = "<Cd>BOOK</Cd>") -> str:
    ref = ref or f"E{a_number()}"
    return f"""<Ntry><Amt Ccy="IDR">{amount}</Amt><CdtDbtInd>{kind}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>{date(2026, 11, 24)}</Dt></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef>
<NtryDtls>{"".join(details)}</NtryDtls></Ntry>"""


def a_payment(text: str, amount: str = "", payer: str = "Siti") -> str:
    own = f'<Amt Ccy="IDR">{amount}</Amt>' if amount else ""
    return f"""<TxDtls>{own}<RltdPties><Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr>
<DbtrAcct><Id><Othr><Id>111222</Id></Othr></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"""
