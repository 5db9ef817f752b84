"""`manage.py audit`: proves DESIGN.md 6 on the live database, or names the first row that does not fit."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from payments.audit import checks
from payments.audit.running import run


class Command(BaseCommand):
    help = "Proves the ledger's invariants on the live database; exits with 1 where one does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="append", choices=sorted(checks()), help="this one alone; repeatable")
        parser.add_argument("--json", action="store_true", help="the report as one JSON object, last on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        report = run(names=options["check"], progress=self._progress)
        self.stderr.write("")
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            for name, finding in report.checks.items():
                self.stdout.write(f"{'ok   ' if finding.ok else 'WRONG'} {name}: {finding.first_wrong or finding.seen}")
        if not report.ok:
            sys.exit(1)

    def _progress(self, name: str, seen: int) -> None:
        self.stderr.write(f"\r{name}: {seen:,}".ljust(60), ending="")
        self.stderr.flush()
