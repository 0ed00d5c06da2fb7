from abc import ABC, abstractmethod
from typing import ClassVar

from zoo.data.formats.recording import Told
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Store


class Layout(ABC):
    """A way to lay trajectories into a file, known by what is inside."""

    name: ClassVar[str]

    @abstractmethod
    def fits(self, store: Store) -> bool:
        """Whether a file is laid out so."""

    @abstractmethod
    def open(self, store: Store, told: Told) -> Sourced:
        """The trajectories of a file that fits; a box or dt that is told is not looked for in it.

        Raises:
            FileError: something is missing, or is not what the layout says.
        """
