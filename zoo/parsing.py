"""Lightning's parser of recipes: its complaint is raised, and what it has parsed is remembered."""

import copy
from typing import Any

from jsonargparse._common import lenient_check
from lightning.pytorch.cli import LightningArgumentParser

from zoo.reading import Mistake

KEPT = 4096
"""Blocks that are remembered; a recipe has a hundred."""


class ParseError(Mistake):
    """What jsonargparse found wrong, with its whole text."""


class Parser(LightningArgumentParser):
    """Lightning's parser, which raises its complaint instead of printing 300 lines of usage.

    jsonargparse parses the arguments of a class several times: from the file, for its defaults, and
    to validate them. Of classes within classes that is a power of their depth: a model in a model
    in a model took 5 s. Here equal arguments of a class are parsed once in a process, which makes
    that one 1.7 s, and the next runs of a chain some tenths.
    """

    parsed: dict[tuple[Any, ...], Any] = {}  # noqa: RUF012 - one for all parsers of a process

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raise the complaint; `zoo.checking` makes it short."""
        raise ParseError(message) from ex

    def parse_object(self, *args: Any, **given: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As in jsonargparse."""
        # parsers of classes live as long as the process; others may be built anew under one id
        if not getattr(self, "_inner_parser", False):
            return super().parse_object(*args, **given)
        case = (id(self), lenient_check.get(), repr(args), repr(given))
        if case not in self.parsed:
            if len(self.parsed) >= KEPT:
                self.parsed.clear()
            self.parsed[case] = super().parse_object(*args, **given)
        return copy.deepcopy(self.parsed[case])
