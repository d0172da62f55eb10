from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.ids import (
    ALPHABET,
    BookId,
    IdKind,
    MalformedIdError,
    book_of_transaction,
    make_token_or_instrument_id,
    make_transaction_id,
    token_kind_and_book,
)

books = st.integers(min_value=1, max_value=2**63 - 1).map(BookId)


@given(st.sampled_from(IdKind), books, st.binary(min_size=27, max_size=27))
def test_token_ids_carry_kind_and_book(kind: IdKind, book: BookId, entropy: bytes) -> None:
    text = make_token_or_instrument_id(kind, book, entropy)
    assert len(text) == 64
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    assert token_kind_and_book(text) == (kind, book)


@given(books, st.integers(min_value=0, max_value=2**49), st.binary(min_size=5, max_size=5))
def test_transaction_ids_carry_their_book_and_sort_by_time(book: BookId, at: int, entropy: bytes) -> None:
    text = make_transaction_id(book, at, entropy)
    assert len(text) == 35
    assert book_of_transaction(text) == book
    assert text < make_transaction_id(book, at + 1, entropy)


@given(st.integers(min_value=0, max_value=63), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_noticed(position: int, character: str) -> None:
    text = make_token_or_instrument_id(IdKind.FUNDING, BookId(77), bytes(range(27)))
    mistyped = text[:position] + character + text[position + 1 :]
    if mistyped != text:
        with pytest.raises(MalformedIdError):
            token_kind_and_book(mistyped)


@given(st.text(max_size=70))
def test_other_text_is_refused_not_crashed_on(text: str) -> None:
    with pytest.raises(MalformedIdError):
        token_kind_and_book(text)
    with pytest.raises(MalformedIdError):
        book_of_transaction(text)


@given(st.integers(min_value=2**63, max_value=2**64 - 1).map(BookId))
def test_a_book_whose_number_no_database_holds_is_in_no_id(book: BookId) -> None:
    with pytest.raises(MalformedIdError):
        token_kind_and_book(make_token_or_instrument_id(IdKind.PREPAID_INSTRUMENT, book, bytes(27)))
    with pytest.raises(MalformedIdError):
        book_of_transaction(make_transaction_id(book, 0, bytes(5)))


def test_accounts_of_a_book_have_fixed_or_derived_numbers() -> None:
    assert account_id(AccountKind.CASH) == TOTALS[AccountKind.CASH] == 1
    one, other = account_id(AccountKind.PREPAID, "A"), account_id(AccountKind.RECEIVABLE, "A")
    assert one != other
    assert 2**62 <= one < 2**63
