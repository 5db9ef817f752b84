"""`manage.py audit`: proves DESIGN.md 6 on the live database, or names the first row that does not fit."""

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand

from payments.audit import checks
from payments.audit.block_checks import anchors
from payments.audit.running import run

MOST_LANES = 4
BAR = 24


class Command(BaseCommand):
    help = "Proves the ledger's invariants on the live database; exits with 1 where one does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="append", choices=sorted(checks()), help="this one alone; repeatable")
        parser.add_argument("--json", action="store_true", help="the report as one JSON object, last on stdout")
        parser.add_argument(
            "--anchor", action="append", type=_anchor, default=[], metavar="NUMBER:HASH",
            help="a block's name that was kept outside the system: it must be there still; repeatable",
        )  # fmt: skip
        parser.add_argument(
            "--lanes", type=int, default=min(MOST_LANES, os.cpu_count() or 1), help="connections to look with at once"
        )
        parser.add_argument(
            "--progress", action="store_true", help="tell how far it is also where stderr is not a terminal"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        told = options["progress"] or sys.stderr.isatty()
        besides = {"anchors": partial(anchors, dict(options["anchor"]))} if options["anchor"] else {}
        report = run(
            names=options["check"],
            besides=besides,
            progress=self._progress if told else lambda _name, _seen, _part: None,
            lanes=options["lanes"],
        )
        if told:
            self.stderr.write("")
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            for name, finding in report.checks.items():
                self.stdout.write(f"{'ok   ' if finding.ok else 'WRONG'} {name}: {finding.first_wrong or finding.seen}")
        if not report.ok:
            sys.exit(1)

    def _progress(self, name: str, seen: int, part: float) -> None:
        bar = "█" * round(part * BAR)
        self.stderr.write(f"\r{bar:░<{BAR}} {name}: {seen:,}".ljust(80), ending="")
        self.stderr.flush()


def _anchor(text: str) -> tuple[int, str]:
    number, _colon, hash_ = text.partition(":")
    if not number.isdecimal() or len(hash_) != 64:
        raise ArgumentTypeError(f"{text} is not a block's name: its number, a colon, and 64 hex digits")
    return int(number), hash_.lower()
