"""`zoo predict MODEL FILE`: arguments."""

import argparse
from pathlib import Path

from zoo import reading
from zoo.commands_releases import model
from zoo.reading import Mistake


def declare(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    model(parser)
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


def work(args: argparse.Namespace) -> int:
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
