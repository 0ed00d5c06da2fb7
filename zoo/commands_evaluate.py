"""`zoo evaluate MODEL FILE`: arguments."""

import argparse
from pathlib import Path

from zoo import commands_told
from zoo.commands_releases import model


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    model(parser)
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="trajectories, or arrays named as the channels"
    )
    commands_told.declare(parser)
    add = parser.add_argument
    add("--steps", type=int, help="frames to predict; default: to the trajectories' end")
    add("--equation", metavar="CLASS_PATH", help="of the file, such as zoo.pde.burgers.Burgers")
    add("--out", type=Path, help="folder of the scorecard; default: runs/evaluate-<file>")
    add("--add", action="store_true", help="write the figures into the release, for its card")
    parser.set_defaults(rest=[])
    parser.epilog = "Further --key value pairs are keys of the recipe, as for zoo fit."


def work(args: argparse.Namespace) -> int:
    """The physics scorecard of a model on a file of your own: errors, drift, residual, solver."""
    from zoo.evaluating import Asked, evaluate

    return evaluate(
        Asked(
            model=args.model,
            file=args.file,
            rest=args.rest,
            told=commands_told.told(args),
            steps=args.steps,
            equation=args.equation,
            out=args.out,
            add=args.add,
        )
    )
