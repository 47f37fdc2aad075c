"""Shelves: what was made once stands ready for all who ask, while there is room for it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

_T = TypeVar("_T")


class Shelf(Generic[_T]):
    """Room for so many things, each under a key; when it is full, the one that nobody has asked for longest goes.

    >>> lengths = Shelf[int](2)
    >>> [lengths.take(word, lambda: len(word)) for word in ("one", "three", "one")]
    [3, 5, 3]
    >>> lengths.put("seven", 5)
    5
    >>> lengths.look("three"), lengths.look("one")
    (None, 3)
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._things: OrderedDict[Hashable, _T] = OrderedDict()
        self._making: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()  # gone when nobody waits
        self._lock = threading.Lock()  # held for a look, never while something is made

    def look(self, key: Hashable) -> _T | None:
        """What stands under a key, or None."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
            return self._things.get(key)

    def put(self, key: Hashable, thing: _T) -> _T:
        """Put something there, in the place of what there was."""
        with self._lock:
            self._things[key] = thing
            self._things.move_to_end(key)
            while len(self._things) > self.room:
                self._things.popitem(last=False)
            return thing

    def take(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What stands there, or is made now. Who asks for the same meanwhile waits for it; nobody else waits."""
        with self._lock:
            lock = self._making.setdefault(key, threading.Lock())
        with lock:
            with self._lock:
                if key in self._things:
                    self._things.move_to_end(key)
                    return self._things[key]
            return self.put(key, make())

    def __len__(self) -> int:
        return len(self._things)
