"""Numbered names, such as x1 to x250, told together."""

import re
from collections.abc import Iterator, Sequence

LEAST = 5
"""Names in a row that are told together."""


def gathered(rows: Sequence[Sequence[str]], column: int) -> list[list[str]]:
    """Rows of a table, in which runs of numbered names with equal cells beside them are one row.

    Args:
        rows: the table's.
        column: where the names stand.
    """
    found: list[list[str]] = []
    for run in _runs(rows, column):
        if len(run) < LEAST:
            found += map(list, run)
        else:
            names = f"{run[0][column]} to {run[-1][column]}"
            found.append([*run[0][:column], names, *run[0][column + 1 :]])
    return found


def _runs(rows: Sequence[Sequence[str]], column: int) -> Iterator[list[Sequence[str]]]:
    run: list[Sequence[str]] = []
    for row in rows:
        if run and not _follows(run[-1], row, column):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _follows(one: Sequence[str], other: Sequence[str], column: int) -> bool:
    before, after = (re.fullmatch(r"(.*?)(\d+)", row[column]) for row in (one, other))
    if not before or not after or before[1] != after[1] or int(after[2]) != int(before[2]) + 1:
        return False
    return all(a == b for i, (a, b) in enumerate(zip(one, other, strict=True)) if i != column)
