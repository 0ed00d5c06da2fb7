"""`zoo evaluate MODEL FILE`: arguments."""

import argparse
from pathlib import Path

from zoo.commands_releases import model


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    model(parser)
    parser.add_argument(
        "file", metavar="FILE", type=Path, help=".npz or .h5 with arrays named as the channels"
    )
    parser.set_defaults(rest=[])
    parser.epilog = "Further --key value pairs are keys of the recipe, as for zoo fit."


def work(args: argparse.Namespace) -> int:
    """The error of a model on every sample of a file of your own."""
    from zoo.evaluating import evaluate

    return evaluate(args.model, args.file, args.rest)
