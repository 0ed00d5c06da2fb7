"""The commands that need no LightningCLI: arguments here, the work where it belongs."""

import argparse
from pathlib import Path
from typing import NoReturn

from zoo import commands_adapt, commands_data, commands_evaluate, commands_predict, reading
from zoo.commands_releases import RELEASES, Command, model
from zoo.reading import Mistake


class _Parser(argparse.ArgumentParser):
    """argparse, whose complaint is one line and goes through the zoo's own exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint with a hint where the help stands."""
        raise Mistake(f"{message}\n  see: {self.prog} --help")


def run(command: str, argv: list[str]) -> int:
    """Parse and run one command; returns its exit code."""
    if command not in COMMANDS:
        names = [*COMMANDS, "fit", "validate", "test"]
        raise Mistake(
            f"no such command{reading.near(command, names, 'did you mean')}; see: zoo --help"
        )
    declare, work = COMMANDS[command]
    parser = _Parser(prog=f"zoo {command}", description=work.__doc__, allow_abbrev=False)
    declare(parser)
    args, rest = parser.parse_known_args(argv)
    if rest and parser.get_default("rest") is None:
        known = [word for action in parser._actions for word in action.option_strings]
        parser.error(f"{rest[0]!r} is not known{reading.near(rest[0], known, 'did you mean')}")
    args.rest = rest
    return work(args) or 0


def _doctor(args: argparse.Namespace) -> int:
    """What is installed, and what works on this machine."""
    from zoo.doctor import doctor

    findings = doctor()
    print(findings)
    return 0 if findings.well else 1


def _cache_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("show", "empty"))
    parser.add_argument("name", nargs="?", help="only this entry")


def _cache(args: argparse.Namespace) -> int:
    """Show or empty the cache of generated data and pulled releases."""
    from zoo import shelf

    if args.action == "empty":
        print(f"{shelf.empty_cache(args.name) / 1e6:.1f} MB freed in {shelf.cache_dir()}")
        return 0
    entries = [one for one in shelf.cache_contents() if args.name in (None, one.name)]
    print(f"{shelf.cache_dir()}: {sum(one.size for one in entries) / 1e6:.1f} MB")
    for one in entries:
        print(f"  {one.name:<12} {one.size / 1e6:10.1f} MB  {one.files} files")
    return 0


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("serve",))
    parser.add_argument(
        "--folder", type=Path, default=Path("runs") / "hub", help="default: runs/hub"
    )
    parser.add_argument("--port", type=int, default=8008, help="default: 8008")
    parser.add_argument("--user", default="me", help="the account that may push; default: me")


def _serve(args: argparse.Namespace) -> int:
    """A Hub on this machine, to try push and pull without an account."""
    from zoo.hubserver.loopback import serve

    serve(args.folder, args.port, args.user)
    return 0


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "chain", metavar="CHAIN", help="a chain, a recipe, or owner/name on the Hub"
    )
    parser.add_argument(
        "--print", action="store_true", help="print the plain zoo commands and stop"
    )
    parser.add_argument("--plan", action="store_true", help="print what is done and what it costs")
    parser.add_argument("--force", metavar="STAGE", help="run this stage again although it is done")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STAGE.KEY=VALUE",
        help="set a key of a stage (*: of all)",
    )
    parser.add_argument("--out", type=Path, help="where runs lie; default: runs/<chain>")
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs of one stage at a time; default: 1"
    )
    parser.add_argument(
        "--pick", metavar="STAGE", help="only make a stage's selection, from runs made by hand"
    )


def _run(args: argparse.Namespace) -> int:
    """Run a chain: finished stages are skipped, an interrupted one goes on."""
    from zoo import chaining

    return chaining.run(args)


def _curves_arguments(parser: argparse.ArgumentParser) -> None:
    model(parser)
    parser.add_argument("--shape", type=int, nargs="+", metavar="N", help="default: the data's")
    parser.add_argument(
        "--temperatures",
        type=float,
        nargs="+",
        metavar="T",
        default=[1.0, 4.9, 0.1],
        help="rising ones, or LOW HIGH STEP; default: 1.0 4.9 0.1",
    )
    parser.add_argument("--chains", type=int, default=64, help="at each; default: 64")
    parser.add_argument("--sweeps", type=int, default=1000, help="recorded; default: 1000")
    parser.add_argument("--seed", type=int, default=0, help="of the chains; default: 0")
    parser.add_argument("--out", type=Path, help="a folder; default: runs/curves/<model>-<shape>")
    parser.add_argument("--card", action="store_true", help="make the plot the picture of the card")


def _curves(args: argparse.Namespace) -> int:
    """Curves of a learned energy of spins over temperature, beside those of the true energy."""
    from zoo import commands_curves

    return commands_curves.work(args)


def _nothing(parser: argparse.ArgumentParser) -> None:
    del parser


COMMANDS: dict[str, Command] = {
    **RELEASES,
    "doctor": (_nothing, _doctor),
    "cache": (_cache_arguments, _cache),
    "hub": (_serve_arguments, _serve),
    "run": (_run_arguments, _run),
    "predict": (commands_predict.declare, commands_predict.work),
    "evaluate": (commands_evaluate.declare, commands_evaluate.work),
    "adapt": (commands_adapt.declare, commands_adapt.work),
    "curves": (_curves_arguments, _curves),
    "data": (commands_data.declare, commands_data.work),
}
