"""Names of the coordinates of a space whose dimension is an argument."""


def numbered(dimension: int, least: int = 1) -> tuple[str, ...]:
    """The coordinates x1, ..., xN.

    Args:
        dimension: N.
        least: of what makes sense.

    Raises:
        ValueError: fewer than that.
    """
    if dimension < least:
        raise ValueError(f"dimension={dimension} must be {least} or more")
    return tuple(f"x{i}" for i in range(1, dimension + 1))
