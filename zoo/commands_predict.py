"""`zoo predict MODEL FILE`: arguments."""

import argparse
from pathlib import Path

from zoo import commands_told
from zoo.commands_releases import model


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    model(parser)
    told = "trajectories in any layout that the zoo reads, or arrays named as the channels"
    parser.add_argument("file", metavar="FILE", type=Path, help=told)
    add = parser.add_argument
    add("--out", type=Path, help="default: FILE-predicted.h5; of plain arrays in their format")
    add("--steps", type=int, help="frames to predict; default: to the end of the file's")
    add("--start", type=int, default=0, metavar="FRAME", help="first frame that goes in; default 0")
    add(
        *("--batch", "--chunk"),
        type=int,
        metavar="N",
        help="samples at a time; default: 64, fewer of large fields",
    )
    add(
        "--coefficient",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="where the file has none, or has another",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--resume",
        dest="again",
        action="store_false",
        default=False,
        help="go on where a killed run stood (the default)",
    )
    again.add_argument("--again", action="store_true", help="begin anew and overwrite the result")
    add(
        "--pictures",
        action=argparse.BooleanOptionalAction,
        help="draw into a folder beside the result; default: of trajectories",
    )
    add("--device", default="cpu", help="default: cpu")
    commands_told.declare(parser)


def work(args: argparse.Namespace) -> int:
    """Predictions for the fields in a file, in physical units, streamed to a file."""
    from zoo.data.formats.recording import Told
    from zoo.predict import predict

    given = commands_told.coefficients(args.coefficient)
    told = commands_told.told(args)
    path = predict(
        args.model,
        args.file,
        args.out,
        given,
        args.steps,
        args.batch,
        args.device,
        start=args.start,
        told=None if told == Told() else told,
        again=args.again,
        pictures=args.pictures,
    )
    print(path)
    return 0
