"""`manage.py freeze_guards`: writes down the guards of a migrated database, for `audit` to compare with."""

import json
from typing import Any

from payments.audit import guards
from promote.commands import JsonCommand

ROOMS = ("payments", "orders", "delivery")


class Command(JsonCommand):
    help = "After a migration that makes a constraint or a trigger: writes guards.json of the rooms of money."

    def work(self, **_: Any) -> dict[str, Any]:
        for room in ROOMS:
            guards.file_of(room).write_text(json.dumps(guards.defined(room), indent=1, ensure_ascii=False) + "\n")
        return {room: str(guards.file_of(room)) for room in ROOMS}
