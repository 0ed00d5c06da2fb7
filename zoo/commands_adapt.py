"""`zoo adapt MODEL FILE`: arguments."""

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
    parser.set_defaults(rest=[])
    parser.epilog = "Further --key value pairs are keys of the recipes, as for zoo fit."
    add = parser.add_argument
    add("--out", type=Path, help="folder of the runs; default: runs/<file>")
    add("--examples", type=int, help="train on so many samples; default: 0.6 of them")
    add("--steps", type=int, default=600, help="optimiser steps; default: 600")
    add(
        "--lr",
        type=float,
        help="learning rate; default: 1e-3 in time (3e-3 with --lora), 3e-4 steady",
    )
    add("--batch", type=int, default=8, help="samples at a time; default: 8")
    add("--history", type=int, help="frames that go in; default: the model's")
    add("--freeze", nargs="+", default=[], metavar="PART", help="parts that stay as they are")
    add("--lora", type=int, metavar="RANK", help="train low-rank changes of the weights alone")
    add("--keep-scaling", action="store_true", help="keep the release's own normalisation")
    add("--no-scratch", action="store_true", help="do not train the same net from random weights")
    add("--seed", type=int, default=0, help="of order and new weights; default: 0")


def work(args: argparse.Namespace) -> int:
    """Fine-tune a model on a file of your own; prints and keeps the recipes that it runs."""
    from zoo.adapting import adapt

    return adapt(args)
