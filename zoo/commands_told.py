"""What a user says about a file of simulations: arguments that several commands share."""

import argparse

from zoo import reading
from zoo.data.formats.recording import Told
from zoo.reading import Mistake


def declare(parser: argparse.ArgumentParser) -> None:
    """What such a command takes."""
    add = parser.add_argument
    pairs = {"action": "append", "default": [], "metavar": "FILE_NAME=NAME"}
    add("--rename", help="another name for a channel or coefficient of the file", **pairs)
    add("--unit", **{**pairs, "metavar": "NAME=UNIT"}, help="the unit of a channel or coefficient")
    add("--layout", metavar="YAML", help="names axes, channels, units, box and dt of plain arrays")
    add("--box", type=float, nargs="+", metavar="LENGTH", help="side lengths of space")
    add("--dt", type=float, help="time between two frames")
    add("--boundary", help="periodic, or a word for what holds at the sides")


def told(args: argparse.Namespace) -> Told:
    """What was said.

    Raises:
        Mistake: a pair is none, or a number is out of range.
    """
    if args.dt is not None and args.dt <= 0:
        raise Mistake(f"--dt {args.dt}: time between two frames, above 0")
    if args.box is not None and min(args.box) <= 0:
        raise Mistake(f"--box {' '.join(map(str, args.box))}: lengths, above 0")
    return Told(
        layout=args.layout,
        rename=_pairs("rename", args.rename),
        units=_pairs("unit", args.unit),
        box=None if args.box is None else tuple(args.box),
        boundary=args.boundary,
        dt=args.dt,
    )


def coefficients(words: list[str]) -> dict[str, float]:
    """Numbers of `--coefficient NAME=VALUE`.

    Raises:
        Mistake: a word is no such pair.
    """
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        value = reading.value(text)
        if not equals or isinstance(value, bool) or not isinstance(value, int | float):
            raise Mistake(f"--coefficient {word}: write NAME=NUMBER")
        found[name] = float(value)
    return found


def _pairs(option: str, words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise Mistake(f"--{option} {word}: write two words with = between")
        if name in found:
            raise Mistake(f"--{option} {word}: {name} is given twice")
        found[name] = value
    return found
