"""The commands that need no LightningCLI: arguments here, the work where it belongs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from zoo import reading
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


def _model(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    told = "a released folder, a shipped name, or owner/name[@revision]"
    parser.add_argument("model", metavar="MODEL", nargs=nargs, help=told)


def _hub(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--endpoint", help="another Hub than the public one, such as zoo hub serve's"
    )
    parser.add_argument("--token", help="default: HF_TOKEN, or what `hf auth login` stored")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pattern", nargs="?", default="*", help="a name with * and ?")
    for name in ("equation", "architecture", "objective"):
        parser.add_argument(f"--{name}", help=f"only this {name}, with * and ?")
    parser.add_argument("--dimension", type=int, help="only this number of space dimensions")


def _list(args: argparse.Namespace) -> int:
    """What is in the zoo, by name, equation, architecture, dimension or objective."""
    from zoo import release

    found = release.list_models(
        args.pattern,
        equation=args.equation,
        architecture=args.architecture,
        dimension=args.dimension,
        objective=args.objective,
    )
    rows = [("name", "equations", "model", "parameters", "test error", "summary")]
    for one in found:
        errors = [value for name, value in one.figures.items() if name == "test/relative_l2"]
        error = f"{errors[0]:.2%}" if errors else "-"
        equations = ", ".join(one.equations)
        rows.append(
            (
                one.name,
                equations,
                f"{one.architecture} {one.dimension}-D",
                f"{one.parameters:,}",
                error,
                one.summary,
            )
        )
    print(_table(rows) if found else f"no shipped model fits {args.pattern!r}")
    return 0


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in rows
    )


def _show(args: argparse.Namespace) -> int:
    """The card of a model: channels, units, ranges, lineage, figures."""
    from zoo import card, release

    folder = release.resolve(args.model)
    print(card.text(folder))
    print(f"folder: {folder}")
    return 0


def _push_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("repo", metavar="owner/name")
    parser.add_argument("--tag", help="a tag for the new commit, such as v1.0")
    parser.add_argument("--private", action="store_true", help="create the repository as private")
    parser.add_argument("--message", help="of the commit")
    _hub(parser)


def _push(args: argparse.Namespace) -> int:
    """Send a release to the Hub; a hand-written part of its card is kept."""
    from zoo import release

    given = {k: getattr(args, k) for k in ("tag", "message", "endpoint", "token")}
    options = {key: item for key, item in given.items() if item is not None}
    print(release.push_to_hub(args.model, args.repo, private=args.private, **options))
    return 0


def _pull_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", metavar="owner/name[@revision]")
    _hub(parser)


def _pull(args: argparse.Namespace) -> int:
    """Fetch a release from the Hub into the cache, its sha256 checked; prints the folder."""
    from zoo import hub

    print(hub.pull(*hub.parse(args.repo), endpoint=args.endpoint, token=args.token))
    return 0


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser, "*")
    parser.add_argument("--full", action="store_true", help="measure every figure again")


def _verify(args: argparse.Namespace) -> int:
    """Recompute hash, probe and figures of releases; all shipped ones without a name."""
    from zoo import shelf
    from zoo.verify import verify

    names = args.model or list(shelf.checkpoints())
    good = True
    for name in names:
        report = verify(name, full=args.full)
        print(report)
        good = good and report.passed
    if len(names) != 1:
        print(f"{len(names)} releases: {'all as they state' if good else 'NOT as they state'}")
    return 0 if good else 1


def _card_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser, "?")


def _card(args: argparse.Namespace) -> int:
    """Write a release's card anew from measured figures; without a name, all and MODEL_CARD.md."""
    from zoo import card, release

    written = [card.refresh(release.resolve(args.model))] if args.model else card.refresh_all()
    print("\n".join(map(str, written)))
    return 0


def _ship_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("name", metavar="NAME", help="folder below checkpoints/")


def _ship(args: argparse.Namespace) -> int:
    """Copy a release to checkpoints/NAME, to ship with the repository; cards and tables follow."""
    from zoo.ship import ship

    print(ship(args.model, args.name))
    return 0


def _pack_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("folder", metavar="FOLDER", type=Path)


def _pack(args: argparse.Namespace) -> int:
    """Put everything a model needs without a network into a folder."""
    from zoo.pack import pack

    print(pack(args.model, args.folder))
    return 0


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("other", metavar="OTHER", help="the model to set beside it")


def _compare(args: argparse.Namespace) -> int:
    """Facts and figures of two releases side by side."""
    from zoo.compare import compare

    print(compare(args.model, args.other))
    return 0


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


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help=".npz, .npy or .h5 with arrays named as the channels",
    )
    parser.add_argument("--out", type=Path, help="default: FILE-predicted, in the same format")
    parser.add_argument(
        "--coefficient",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="where the file has none",
    )
    parser.add_argument(
        "--steps", type=int, help="length of a rollout, for models with a time step"
    )
    parser.add_argument("--chunk", type=int, default=64, help="samples at a time; default: 64")
    parser.add_argument("--device", default="cpu", help="default: cpu")


def _predict(args: argparse.Namespace) -> int:
    """Predictions for the fields in a file, in physical units, streamed to a file."""
    from zoo.predict import predict

    given = dict(_pair(word) for word in args.coefficient)
    print(predict(args.model, args.file, args.out, given, args.steps, args.chunk, args.device))
    return 0


def _pair(word: str) -> tuple[str, float]:
    name, equals, text = word.partition("=")
    value = reading.value(text)
    if not equals or isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(f"--coefficient {word}: write NAME=NUMBER")
    return name, float(value)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument(
        "file", metavar="FILE", type=Path, help=".npz or .h5 with arrays named as the channels"
    )
    parser.set_defaults(rest=[])
    parser.epilog = "Further --key value pairs are keys of the recipe, as for zoo fit."


def _evaluate(args: argparse.Namespace) -> int:
    """The error of a model on every sample of a file of your own."""
    from zoo.adapting import evaluate

    return evaluate(args.model, args.file, args.rest)


def _adapt_arguments(parser: argparse.ArgumentParser) -> None:
    _evaluate_arguments(parser)
    parser.add_argument("--out", type=Path, help="folder of the run; default: runs/<file>")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps; default: 600")
    parser.add_argument("--lr", type=float, default=3e-4, help="learning rate; default: 3e-4")


def _adapt(args: argparse.Namespace) -> int:
    """Fine-tune a model on a file of your own; prints the recipe that it runs."""
    from zoo.adapting import adapt

    return adapt(args.model, args.file, args.rest, args.out, args.steps, args.lr)


def _data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("describe", "export"))
    parser.add_argument("recipe", metavar="RECIPE")
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="test",
        help="what to export; default: test",
    )
    parser.add_argument(
        "--out", type=Path, help="export to this .npz or .h5; default: <recipe>-<split>.h5"
    )


def _data(args: argparse.Namespace) -> int:
    """What a recipe's data are, without generating them; or write them to a file."""
    from zoo import exporting

    if args.action == "describe":
        print(exporting.describe(args.recipe))
    else:
        print(exporting.export(args.recipe, args.split, args.out))
    return 0


def _nothing(parser: argparse.ArgumentParser) -> None:
    del parser


Command = tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], Any]]
COMMANDS: dict[str, Command] = {
    "list": (_list_arguments, _list),
    "show": (_model, _show),
    "push": (_push_arguments, _push),
    "pull": (_pull_arguments, _pull),
    "verify": (_verify_arguments, _verify),
    "card": (_card_arguments, _card),
    "ship": (_ship_arguments, _ship),
    "pack": (_pack_arguments, _pack),
    "compare": (_compare_arguments, _compare),
    "doctor": (_nothing, _doctor),
    "cache": (_cache_arguments, _cache),
    "hub": (_serve_arguments, _serve),
    "run": (_run_arguments, _run),
    "predict": (_predict_arguments, _predict),
    "evaluate": (_evaluate_arguments, _evaluate),
    "adapt": (_adapt_arguments, _adapt),
    "data": (_data_arguments, _data),
}
