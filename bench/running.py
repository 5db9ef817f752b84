"""How a bench or a drill is chosen and run: progress on stderr, one JSON object as the last line on stdout."""

import argparse
import importlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

Say = Callable[[str], None]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def found(package: str) -> dict[str, ModuleType]:
    """Modules of this package that have a `run`, by the name they are called by."""
    folder = Path(importlib.import_module(package).__file__ or "").parent
    names = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))
    modules = {name: importlib.import_module(f"{package}.{name}") for name in names}
    return {name.replace("_", "-"): module for name, module in modules.items() if hasattr(module, "run")}


def main(package: str, program: str) -> int:
    # Told to go, it ends what it started.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("name", nargs="?", help="which one; without it they are listed")
    parser.add_argument("--json", action="store_true", help="only one JSON object on stdout, as its last line")
    asked, rest = parser.parse_known_args()
    known = found(package)
    if asked.name is None:
        for name, module in known.items():
            print(f"{name:16} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0
    if asked.name not in known:
        parser.error(f"there is none called {asked.name}; there are {', '.join(known)}")
    figures = known[asked.name].run(say, **_options(known[asked.name], rest, program=f"{program} {asked.name}"))
    if not asked.json:
        print("\n".join(lines(figures)))
    print(json.dumps(figures))
    return 0 if figures.get("ok", True) else 1


def _options(module: ModuleType, arguments: list[str], *, program: str) -> dict[str, Any]:
    """Options that only this one knows: those its `add_options` adds."""
    parser = argparse.ArgumentParser(prog=program)
    if hasattr(module, "add_options"):
        module.add_options(parser)
    return vars(parser.parse_args(arguments))


def lines(figures: dict[str, object], indent: str = "") -> list[str]:
    """The figures for people."""
    told = []
    for name, value in figures.items():
        if isinstance(value, dict):
            told += [f"{indent}{name}:", *lines(value, indent + "  ")]
        else:
            told.append(f"{indent}{name}: {value}")
    return told
