"""Sizes of estimators."""


def counted(name: str, value: int) -> int:
    """The value itself.

    Raises:
        ValueError: it is not positive.
    """
    if value < 1:
        raise ValueError(f"{name}={value} must be positive; take 1 or more")
    return value
