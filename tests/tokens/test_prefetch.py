import itertools
import threading

import pytest

from hornbook.tokens.prefetch import read_ahead


def one(item: object) -> int:
    return 1


def test_all_items_come_in_order():
    for count, group in itertools.product((0, 1, 7, 100), (1, 3, 1000)):
        assert list(read_ahead(iter(range(count)), one, group)) == list(range(count))


def test_an_exception_appears_behind_the_items_before_it():
    def failing():
        yield from range(10)
        raise KeyError("eleventh")

    found = []
    with pytest.raises(KeyError, match="eleventh"):
        for item in read_ahead(failing(), one, 4):
            found.append(item)
    assert found == list(range(10))


def test_a_bounded_number_is_read_ahead_and_closing_ends_the_thread():
    read = itertools.count()
    threads: list[threading.Thread] = []

    def endless():
        threads.append(threading.current_thread())
        while True:
            yield next(read)

    items = read_ahead(endless(), one, 10, groups=2)
    assert [next(items) for _ in range(25)] == list(range(25))
    items.close()
    threads[0].join(60)
    assert not threads[0].is_alive()
    assert next(read) <= 25 + 10 * (2 + 3)


def test_closing_does_not_wait_for_a_reader_that_is_stuck():
    release = threading.Event()

    def stuck():
        yield 0
        release.wait()

    items = read_ahead(stuck(), one, 1)
    assert next(items) == 0
    items.close()
    release.set()
