from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.ids import BookId, TransactionId, book_of_transaction, milliseconds_of_transaction
from tallystick.services.process.random_pool import RandomPool
from tallystick.services.process.transaction_ids import TransactionIds

AT = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
MILLISECONDS = int(AT.timestamp() * 1000)
MILLISECOND = timedelta(milliseconds=1)
SHOP, STALL = BookId(7), BookId(8)


class Highest(RandomPool):
    """Random bytes that leave no room for a second id in the same millisecond."""

    def take(self, count: int) -> bytes:
        return b"\xff" * count


def milliseconds(transaction_id: TransactionId) -> int:
    return milliseconds_of_transaction(transaction_id) - MILLISECONDS


@given(st.lists(st.tuples(st.sampled_from([SHOP, STALL]), st.integers(0, 3)), min_size=2, max_size=50))
def test_ids_of_a_book_follow_each_other(made: list[tuple[BookId, int]]) -> None:
    ids, now, last = TransactionIds(), AT, {SHOP: "", STALL: ""}
    for book, passed in made:
        now += passed * MILLISECOND
        fresh = ids.fresh(book, now)
        assert book_of_transaction(fresh) == book
        assert milliseconds_of_transaction(fresh) == int(now.timestamp() * 1000)
        assert fresh > last[book]
        last[book] = fresh


def test_books_with_clocks_of_their_own_do_not_disturb_each_other() -> None:
    ids = TransactionIds()
    mixed = [(ids.fresh(SHOP, AT), ids.fresh(STALL, AT + timedelta(days=40))) for _ in range(100)]
    for of_one_book in zip(*mixed, strict=True):
        assert list(of_one_book) == sorted(set(of_one_book))


def test_a_millisecond_without_room_begins_the_next_one_early() -> None:
    ids = TransactionIds(Highest())
    first, second, third = [ids.fresh(SHOP, AT) for _ in range(3)]
    assert [milliseconds(each) for each in (first, second, third)] == [0, 1, 1]
    assert first < second < third

    fourth = ids.fresh(SHOP, AT + MILLISECOND)  # which had begun already
    assert milliseconds(fourth) == 1
    assert third < fourth
    assert milliseconds(ids.fresh(SHOP, AT + 2 * MILLISECOND)) == 2


@pytest.mark.parametrize("entropy", [RandomPool(), Highest()])
@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_several_ids_follow_each_other_and_those_before(entropy: RandomPool, count: int) -> None:
    ids = TransactionIds(entropy)
    made = [ids.fresh(SHOP, AT), *ids.several(SHOP, AT, count), *ids.several(SHOP, AT, count), ids.fresh(SHOP, AT)]
    assert len(made) == 2 * count + 2
    assert made == sorted(set(made))
    assert {book_of_transaction(one) for one in made} == {SHOP}
    assert milliseconds(made[0]) == 0


def test_a_clock_that_is_put_back_is_believed() -> None:
    ids = TransactionIds()
    ids.fresh(SHOP, AT)
    assert milliseconds(ids.fresh(SHOP, AT - timedelta(seconds=5))) == -5_000


def test_two_processes_do_not_make_the_same_ids() -> None:
    one, other = TransactionIds(), TransactionIds()
    made = {ids.fresh(SHOP, AT) for ids in (one, other) for _ in range(1_000)}
    assert len(made) == 2_000


def test_a_forked_child_begins_anew() -> None:
    ids = TransactionIds(Highest())
    ids.fresh(SHOP, AT)
    ids.forget()
    assert milliseconds(ids.fresh(SHOP, AT)) == 0, "it goes on from no id of its parent's"


@pytest.mark.parametrize("books", [1_024])
def test_the_last_ids_of_many_books_are_remembered(books: int) -> None:
    ids = TransactionIds(Highest())
    for number in range(books):
        ids.fresh(BookId(number + 1), AT)
    assert [milliseconds(ids.fresh(BookId(number + 1), AT)) for number in range(books)] == [1] * books
    ids.fresh(BookId(books + 1), AT)  # the first one's place
    assert milliseconds(ids.fresh(BookId(1), AT)) == 0
