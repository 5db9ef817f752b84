"""How a bench or a drill is chosen and run: progress on stderr, one JSON object as the last line on stdout."""

import argparse
import importlib
import json
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

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
    known = found(package)
    asked = vars(parser_of(known, program).parse_args())
    name, as_json = asked.pop("name"), asked.pop("json", False)
    if name is None:
        print("\n".join(listed(known, program)))
        return 0
    figures = known[name].run(say, **asked)
    print(json.dumps(figures) if as_json else "\n".join(lines(figures)))
    return 0 if figures.get("ok", True) else 1


def parser_of(known: dict[str, ModuleType], program: str) -> argparse.ArgumentParser:
    """Each is called by its name, and knows the options that its `add_options` adds."""
    parser = argparse.ArgumentParser(prog=program, formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_json(parser)
    names = parser.add_subparsers(dest="name", metavar="NAME", help="which one; without it they are listed")
    for name, module in known.items():
        one = names.add_parser(name, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        _add_json(one)
        if hasattr(module, "add_options"):
            module.add_options(one)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    """Before the name or after it: neither undoes the other."""
    told = "only one JSON object on stdout, as its last line"
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=told)


def listed(known: dict[str, ModuleType], program: str) -> list[str]:
    """Their names, each with the first line that it says of itself."""
    width = shutil.get_terminal_size().columns
    indent = " " * (max(map(len, known)) + 4)
    told = [
        textwrap.fill(
            (module.__doc__ or "").strip().splitlines()[0].replace("`", ""),
            width=width,
            initial_indent=f"  {name}".ljust(len(indent)),
            subsequent_indent=indent,
        )
        for name, module in known.items()
    ]
    return [*told, "", f"{program} NAME --json runs one; {program} NAME --help tells its options."]


def lines(figures: dict[str, object], indent: str = "") -> list[str]:
    """The figures for people."""
    told = []
    for name, value in figures.items():
        if isinstance(value, dict):
            told += [f"{indent}{name}:", *lines(value, indent + "  ")]
        else:
            told.append(f"{indent}{name}: {value}")
    return told
