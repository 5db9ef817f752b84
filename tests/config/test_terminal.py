"""What is met first in a terminal: each script prepares its own packages, each bench and drill tells its options."""

from pathlib import Path

import pytest

from bench import running

SCRIPTS = Path(__file__).parents[2] / "script"
PROGRAMS = {"bench": "script/bench", "bench.drills": "script/drill"}


def test_every_script_prepares_the_packages_that_it_runs_with():
    texts = {path.name: path.read_text() for path in SCRIPTS.iterdir() if path.suffix == ""}
    run = {name: text for name, text in texts.items() if ".venv/bin" in text}
    assert len(run) > 5
    for name, text in run.items():
        assert "prepare_venv requirements.txt" in text.partition(".venv/bin")[0], name


@pytest.mark.parametrize("package", PROGRAMS)
def test_each_is_listed_with_what_it_does(package):
    known = running.found(package)
    told = "\n".join(running.listed(known, PROGRAMS[package]))
    assert [name for name in known if f"  {name} " not in told] == []


@pytest.mark.parametrize(
    ("package", "name", "own"), [("bench", "decide", "--cluster"), ("bench.drills", "charges", "--charges")]
)
def test_asked_for_help_one_tells_its_own_options(package, name, own, capsys):
    parser = running.parser_of(running.found(package), PROGRAMS[package])
    with pytest.raises(SystemExit):
        parser.parse_args([name, "--help"])
    told = capsys.readouterr().out
    assert f"{PROGRAMS[package]} {name}" in told
    assert own in told


def test_json_may_be_asked_for_before_the_name_or_after_it():
    parser = running.parser_of(running.found("bench"), "script/bench")
    assert parser.parse_args(["--json", "decide"]).json
    assert parser.parse_args(["decide", "--json"]).json
    assert not hasattr(parser.parse_args(["decide"]), "json")
