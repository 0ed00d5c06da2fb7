"""`zoo adapt MODEL FILE`: arguments."""

import argparse
from pathlib import Path

from zoo import commands_evaluate


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    commands_evaluate.declare(parser)
    parser.add_argument("--out", type=Path, help="folder of the run; default: runs/<file>")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps; default: 600")
    parser.add_argument("--lr", type=float, default=3e-4, help="learning rate; default: 3e-4")


def work(args: argparse.Namespace) -> int:
    """Fine-tune a model on a file of your own; prints the recipe that it runs."""
    from zoo.adapting import adapt

    return adapt(args.model, args.file, args.rest, args.out, args.steps, args.lr)
