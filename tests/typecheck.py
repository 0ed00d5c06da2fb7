"""The type checker of the suite: an int is a float, as everywhere in Python's type hints."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
