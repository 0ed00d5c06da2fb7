"""A Hub on loopback, spoken to by the unmodified `huggingface_hub` client.

Standard library only. It serves the tests, and people who want to try push and pull without an
account (`zoo hub serve`). It is not hardened: bind it to loopback and nothing else.

`store` keeps repositories, `api` answers the Hub's routes, `telling` words what they tell,
`content` is the second origin, `wire` speaks HTTP and misbehaves on order, `loopback` starts and
stops both.
"""

from zoo.hubserver.loopback import LoopbackHub, serve

__all__ = ["LoopbackHub", "serve"]
