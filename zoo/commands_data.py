"""`zoo data describe | export`: arguments."""

import argparse
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
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


def work(args: argparse.Namespace) -> int:
    """What a recipe's data are, without generating them; or write them to a file."""
    from zoo import exporting

    if args.action == "describe":
        print(exporting.describe(args.recipe))
    else:
        print(exporting.export(args.recipe, args.split, args.out))
    return 0
