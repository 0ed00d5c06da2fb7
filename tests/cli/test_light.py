"""Commands that need no torch do not import it."""

import json
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import environment
from tests.cli.test_files import trained
from zoo import __version__, shelf
from zoo.cli import HELP
from zoo.commands import COMMANDS

__all__ = ["trained"]
LOOK = """
import json, sys
from zoo.cli import main
code = main(sys.argv[1:])
heavy = {"torch", "lightning", "matplotlib", "huggingface_hub"} & set(sys.modules)
print(json.dumps([code, sorted(heavy)]), file=sys.stderr)
"""
LIGHT = ["--help", "--version", "list", "list --help", "fit --help", "run --help"]
LIGHT += ["cache show", "frobnicate"]


def looked(words):
    """Exit code of a command, and what it imported that is heavy."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *words],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    return json.loads(done.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize("words", LIGHT)
def test_light_commands_import_nothing_heavy(words):
    assert looked(words.split()) == [2 if words == "frobnicate" else 0, []]


def test_a_release_is_shown_and_a_chain_planned_without_torch(trained):
    assert looked(["show", str(trained)]) == [0, []]
    for flag in ("--print", "--plan"):
        assert looked(["run", str(shelf.recipes()["quickstart/chain"]), flag]) == [0, []]


def _seconds(code):
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment())
    return time.perf_counter() - begun


def test_help_and_list_take_less_than_a_second_and_a_half():
    for word in ("--help", "list"):
        code = f"from zoo.cli import main; main([{word!r}])"
        assert min(_seconds(code) for _ in range(3)) < 1.5


def test_importing_the_package_takes_less_than_a_third_of_a_second():
    bare = min(_seconds("pass") for _ in range(3))
    assert min(_seconds("import zoo") for _ in range(3)) - bare < 0.3


def test_help_names_every_command(zoo):
    code, out, _ = zoo("--help")
    assert code == 0
    assert [name for name in (*COMMANDS, "fit", "validate", "test") if name not in out] == []
    assert max(map(len, HELP.splitlines())) <= 100
    assert zoo()[1] == out


@pytest.mark.parametrize("command", [*COMMANDS, "fit", "validate", "test"])
def test_every_command_has_a_help_of_one_screen(command, zoo):
    code, out, err = zoo(command, "--help")
    assert (code, err) == (0, "")
    assert 3 <= len(out.splitlines()) <= 45
    assert f"usage: zoo {command}" in out


def test_version(zoo):
    assert zoo("--version") == (0, f"zoo {__version__}\n", "")


def test_every_key_is_told_on_demand(zoo):
    code, out, _ = zoo("fit", "--help_all")
    assert code == 0
    assert "--model.refit_normaliser" in out and "--save_seconds" in out
