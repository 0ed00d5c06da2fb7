"""The commands on releases: find, show, share, check."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], Any]]


def model(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """The argument that names a release."""
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
    from zoo.card_derivatives import derivatives

    folder = release.resolve(args.model)
    print(card.text(folder))
    told = derivatives(release.describe(folder))
    if told is not None:
        print(told)
    print(f"folder: {folder}")
    return 0


def _push_arguments(parser: argparse.ArgumentParser) -> None:
    model(parser)
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
    model(parser, "*")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--full", action="store_true", help="measure every figure again")
    depth.add_argument("--quick", action="store_true", help="measure no figure again")


def _verify(args: argparse.Namespace) -> int:
    """Recompute hash, probe and figures of releases; all shipped ones without a name."""
    from zoo import shelf
    from zoo.verify import verify

    names = args.model or list(shelf.checkpoints())
    good = True
    for name in names:
        report = verify(name, full=args.full, quick=args.quick)
        print(report)
        good = good and report.passed
    if len(names) != 1:
        print(f"{len(names)} releases: {'all as they state' if good else 'NOT as they state'}")
    return 0 if good else 1


def _card_arguments(parser: argparse.ArgumentParser) -> None:
    model(parser, "?")


def _card(args: argparse.Namespace) -> int:
    """Write a release's card anew from measured figures; without a name, all and MODEL_CARD.md."""
    from zoo import card, release

    written = [card.refresh(release.resolve(args.model))] if args.model else card.refresh_all()
    print("\n".join(map(str, written)))
    return 0


def _ship_arguments(parser: argparse.ArgumentParser) -> None:
    model(parser)
    parser.add_argument("name", metavar="NAME", help="folder below checkpoints/")
    parser.add_argument("--summary", help="what the card says first, in words")
    parser.add_argument("--citation", help="what is to be cited, BibTeX or words")


def _ship(args: argparse.Namespace) -> int:
    """Copy a release to checkpoints/NAME, to ship with the repository; cards and tables follow."""
    from zoo.ship import ship

    print(ship(args.model, args.name, args.summary, citation=args.citation))
    return 0


def _pack_arguments(parser: argparse.ArgumentParser) -> None:
    model(parser)
    parser.add_argument("folder", metavar="FOLDER", type=Path)


def _pack(args: argparse.Namespace) -> int:
    """Put everything a model needs without a network into a folder."""
    from zoo.pack import pack

    print(pack(args.model, args.folder))
    return 0


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    model(parser)
    parser.add_argument("other", metavar="OTHER", help="the model to set beside it")


def _compare(args: argparse.Namespace) -> int:
    """Facts and figures of two releases side by side."""
    from zoo.compare import compare

    print(compare(args.model, args.other))
    return 0


RELEASES: dict[str, Command] = {
    "list": (_list_arguments, _list),
    "show": (model, _show),
    "push": (_push_arguments, _push),
    "pull": (_pull_arguments, _pull),
    "verify": (_verify_arguments, _verify),
    "card": (_card_arguments, _card),
    "ship": (_ship_arguments, _ship),
    "pack": (_pack_arguments, _pack),
    "compare": (_compare_arguments, _compare),
}
