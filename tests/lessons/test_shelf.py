"""A shelf makes each thing once for all who ask, lets nobody wait for another's, and keeps to its room."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lessons.shelf import Shelf


def test_a_class_that_asks_the_same_at_once_waits_for_one_making_and_who_asks_something_else_does_not():
    shelf, made, slow = Shelf[str](4), [], threading.Event()

    def make(word):
        made.append(word)
        if word == "slow":
            assert slow.wait(10)
        return word.upper()

    with ThreadPoolExecutor(4) as crowd:
        waiting = [crowd.submit(shelf.take, "slow", lambda: make("slow")) for _ in range(3)]
        assert crowd.submit(shelf.take, "other", lambda: make("other")).result(5) == "OTHER"
        slow.set()
        assert [each.result(5) for each in waiting] == ["SLOW"] * 3
    assert sorted(made) == ["other", "slow"]


def test_what_was_asked_for_least_lately_makes_room():
    shelf = Shelf[int](2)
    shelf.put("a", 1)
    shelf.put("b", 2)
    assert shelf.take("a", lambda: pytest.fail("it stands there")) == 1
    shelf.put("c", 3)
    assert (shelf.look("a"), shelf.look("b"), shelf.look("c"), len(shelf)) == (1, None, 3, 2)


def test_a_making_that_fails_is_told_to_whoever_asked_and_tried_again_for_the_next():
    shelf = Shelf[int](2)
    with pytest.raises(ZeroDivisionError):
        shelf.take("a", lambda: 1 // 0)
    assert shelf.take("a", lambda: 5) == 5


def test_nothing_is_kept_as_well_as_anything():
    shelf = Shelf[None](2)
    assert shelf.take("a", lambda: None) is None
    assert shelf.take("a", lambda: pytest.fail("it stands there")) is None


def test_no_lock_outlives_its_making():
    shelf = Shelf[int](1)
    for number in range(50):
        shelf.take(number, lambda number=number: number)
    assert len(shelf._making) == 0
