import json
import math
from pathlib import Path

TABLE = Path(__file__).with_name("recommended.json")


def recommended(dimension: int) -> str:
    """The estimator that learned most in equal time by so many coordinates, in words.

    Of the dimensions that tests/benchmarks/highdim_jets.py measures, the nearest one by ratio
    counts; there the estimator leads whose errors are the least, in the geometric mean over
    problems. That program writes the numbers, and tests/benchmarks/results_highdim.md the table
    that they come from. Below the least dimension of the table none is taken.

    Args:
        dimension: how many coordinates the field has.

    Raises:
        ValueError: no coordinates.
    """
    if dimension < 1:
        raise ValueError(f"dimension={dimension}: a field has one coordinate or more")
    told = json.loads(TABLE.read_text(encoding="utf-8"))
    rows = told["dimensions"]
    least = min(row["dimension"] for row in rows)
    if dimension < least:
        return f"no estimator: the field's own way is exact (they are compared from {least} on)"
    row = min(rows, key=lambda one: abs(math.log(one["dimension"] / dimension)))
    path, given = row["estimator"]["class_path"], row["estimator"]["init_args"]
    arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
    square = " with Residual(biased=True)" if row["biased"] else ""
    lead = (
        f"{row['ahead']:.1f} times less error than {row['second']}, the next best"
        if row["ahead"] >= 1.1
        else f"as little error as {row['second']}, the next best"
    )
    return (
        f"{path}({arguments}){square}: after {told['seconds']:g} s of a busy CPU's thread {lead}, "
        f"in {row['dimension']} dimensions ({', '.join(row['problems'])})"
    )
