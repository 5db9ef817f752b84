"""What the demo remembers between two runs: `demo.json` in the data folder, readable by its owner alone."""

import json
import os
from pathlib import Path
from typing import Any


class Memory:
    """A dictionary on disk. Written whole after every step, so that an interrupted run goes on where it stopped."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "demo.json"
        self.facts: dict[str, Any] = {"logins": {}, "staff": {}, "granted": {}, "offers": {}, "orders": {}, "lives": {}}
        if self.file.exists():
            self.facts.update(json.loads(self.file.read_text()))

    def __getitem__(self, name: str) -> Any:
        return self.facts[name]

    def get(self, name: str) -> Any:
        return self.facts.get(name)

    def set(self, name: str, value: Any) -> None:
        if self.facts.get(name) != value:
            self.facts[name] = value
            self.keep()

    def put(self, table: str, name: str, value: Any) -> None:
        self.facts[table][name] = value
        self.keep()

    def keep(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(self.facts, file, indent=1, ensure_ascii=False)
        fresh.replace(self.file)
