"""A bank's statement for trying transfers out: `python -m sandbox.bank "RF28 1000 0000 19" 16000.00 > statement.xml`.

What it prints is a camt.053 of the demo's account with a line for each reference and amount given; finance imports it
in the admin (Bank statements), and one person approves what another imported.
"""

import argparse
import datetime as dt
import uuid
from xml.sax.saxutils import escape

NUMBER = "8880012345"
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>{id}</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>
<Stmt><Id>{id}</Id><Acct><Id><Othr><Id>{number}</Id></Othr></Id></Acct>"""
ENTRY = """
<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{id}</AcctSvcrRef><NtryDtls><TxDtls>
<RltdPties><Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr><DbtrAcct><Id><Othr><Id>5551234567</Id></Othr></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def statement(transfers: list[tuple[str, str]], *, number: str, currency: str, payer: str) -> str:
    now = dt.datetime.now(dt.UTC)
    facts = {"day": now.date().isoformat(), "currency": currency, "payer": escape(payer)}
    entries = [
        ENTRY.format(id=uuid.uuid4().hex[:16], text=escape(text), amount=escape(amount), **facts)
        for text, amount in transfers
    ]
    head = HEAD.format(id=uuid.uuid4().hex[:16], at=now.isoformat(timespec="seconds"), number=escape(number))
    return head + "".join(entries) + "\n</Stmt></BkToCstmrStmt></Document>"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.bank", description="Prints a camt.053 statement.")
    parser.add_argument("transfer", nargs="+", help="a reference (or any text) and an amount, in turn")
    parser.add_argument("--number", default=NUMBER, help="the account's number")
    parser.add_argument("--currency", default="IDR")
    parser.add_argument("--payer", default="Siti Rahma")
    asked = parser.parse_args()
    if len(asked.transfer) % 2:
        parser.error("give a reference and an amount, in turn")
    pairs = list(zip(asked.transfer[::2], asked.transfer[1::2], strict=True))
    print(statement(pairs, number=asked.number, currency=asked.currency, payer=asked.payer))


if __name__ == "__main__":
    main()
