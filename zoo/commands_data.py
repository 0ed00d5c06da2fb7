"""`zoo data describe | export`: arguments."""

import argparse
from pathlib import Path

from zoo import commands_told
from zoo.reading import Mistake


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("action", choices=("describe", "export"))
    parser.add_argument(
        "what",
        metavar="FILE_OR_RECIPE",
        nargs="+",
        help="a recipe; or, to describe, a file of simulations or several",
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="test",
        help="what to export; default: test",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="export to this .npz or .h5; default: <recipe>-<split>.h5, of trajectories in The "
        "Well's format",
    )
    parser.add_argument(
        "--equation",
        metavar="CLASS_PATH",
        help="tell the residual of a file under zoo.pde.heat.Heat, ...",
    )
    parser.add_argument(
        "--coefficient",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the equation, where the file has none",
    )
    commands_told.declare(parser)


def work(args: argparse.Namespace) -> int:
    """What a recipe's data or a file of yours are; or write a recipe's data to a file."""
    from zoo import describing, exporting

    files = [word for word in args.what if describing.is_file(word)]
    if args.action == "describe" and files:
        if len(files) < len(args.what):
            other = next(word for word in args.what if word not in files)
            raise Mistake(f"{files[0]} is a file, {other} is none; describe files, or a recipe")
        given = commands_told.coefficients(args.coefficient)
        if given and args.equation is None:
            raise Mistake(f"--coefficient {args.coefficient[0]} is of which --equation?")
        print(describing.describe(files, commands_told.told(args), args.equation, given))
        return 0
    if len(args.what) > 1:
        raise Mistake(f"{' '.join(args.what)}: one recipe at a time")
    if args.action == "describe":
        print(exporting.describe(args.what[0]))
    else:
        print(exporting.export(args.what[0], args.split, args.out))
    return 0
