"""Each compiled function returns what its twin in Python returns, for any input."""

import os
import shutil
import sysconfig
from pathlib import Path
from types import ModuleType
from uuid import RFC_4122, UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.domain import ids
from tallystick.domain.messages import signing
from tallystick.domain.money import format_amount_in_python
from tallystick.domain.speedups import compiled, plain_heads, plain_payments, plain_requests, sent_rows
from tallystick.services.process.random_pool import uuid_in_python

HAS_COMPILER = (
    shutil.which(os.environ.get("CC", sysconfig.get_config_var("CC") or "cc").split()[0]) is not None
    and Path(sysconfig.get_path("include"), "Python.h").exists()
)
LONG = "SenderDescription=" + "a" * 4096


def tokens(books: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    return st.builds(
        ids.make_token_or_instrument_id,
        st.sampled_from(ids.IdKind),
        books.map(ids.BookId),
        st.binary(min_size=ids.TOKEN_ENTROPY_BYTES, max_size=ids.TOKEN_ENTROPY_BYTES),
    )


@pytest.fixture(scope="module")
def speedups() -> ModuleType:
    if compiled is None:
        pytest.skip("nothing was compiled: there was no C compiler at installation, or it was told to stay away")
    return compiled


@pytest.mark.parametrize(
    "module",
    [compiled, plain_requests, plain_payments, sent_rows, plain_heads],
    ids=["own", "requests", "payments", "rows", "heads"],
)
def test_it_is_compiled_where_it_can_be(module: ModuleType | None) -> None:
    if not HAS_COMPILER:
        pytest.skip("there is no C compiler here, or no headers of Python's")
    if os.environ.get("TALLYSTICK_COMPILE") == "never":
        pytest.skip("the compiler was told to stay away")

    assert module is not None


NEARLY_QUERIES = st.text("aAbzZ09-_.~=&%+ 2345FfE\0é", max_size=60).map(str.encode)
PIECES = st.sampled_from(
    [b"a", b"b", b"Signature", b"Sig", b"a.b", b"=", b"&", b"%2B", b"%2b", b"%41", b"%C3%A9", b"%FF", b"%", b"1"]
)


@settings(max_examples=500)
@given(query=NEARLY_QUERIES | st.lists(PIECES, max_size=20).map(b"".join) | st.binary(max_size=40))
@example(query=b"")
@example(query=b"&".join(b"%d=%d" % (number, number) for number in range(64)))
@example(query=b"a=" + b"b" * 4094)
@example(query=b"a=" + b"%C3" * 1364 + b"b%")
def test_queries_are_read_as_in_python(speedups: ModuleType, query: bytes) -> None:
    for omit in ("Signature", "a", ""):
        assert speedups.read_encoded_query(query, omit) == signing.read_encoded_query_in_python(query, omit)


@pytest.mark.parametrize("query", [LONG, "&".join(f"{number}=" for number in range(65))])
def test_what_is_longer_than_most_queries_is_left_to_python(speedups: ModuleType, query: str) -> None:
    assert signing.read_encoded_query_in_python(query.encode(), "a") is not None
    assert speedups.read_encoded_query(query.encode(), "a") is None


@given(token=tokens(st.integers(0, 2**63 - 1)), at=st.integers(0, 63), character=st.characters())
def test_books_of_tokens_are_read_as_in_python(speedups: ModuleType, token: str, at: int, character: str) -> None:
    mistaken = token[:at] + character + token[at + 1 :]

    assert speedups.book_of_token(token) == ids.book_of_token_in_python(token) == ids.token_kind_and_book(token)[1]
    assert speedups.book_of_token(mistaken) == ids.book_of_token_in_python(mistaken)


@given(text=st.text() | st.text(ids.ALPHABET, min_size=62, max_size=66))
def test_what_is_no_token_is_told_as_in_python(speedups: ModuleType, text: str) -> None:
    assert speedups.book_of_token(text) == ids.book_of_token_in_python(text)


@given(token=tokens(st.integers(2**63, 2**65 - 1)))
def test_a_book_beyond_what_the_database_holds_is_in_no_token(speedups: ModuleType, token: str) -> None:
    assert ids.book_of_token_in_python(token) is None
    assert speedups.book_of_token(token) is None


@given(
    book=st.integers(0, 2**63 - 1), milliseconds=st.integers(0, 2**50 - 1), entropy=st.binary(min_size=5, max_size=5)
)
def test_transaction_ids_are_made_as_in_python(
    speedups: ModuleType, book: int, milliseconds: int, entropy: bytes
) -> None:
    assert speedups.transaction_id(book, milliseconds, entropy) == ids.transaction_id_in_python(
        book, milliseconds, entropy
    )


@pytest.mark.parametrize("entropy", [b"", b"1234", b"123456"])
def test_a_transaction_id_takes_five_random_bytes(speedups: ModuleType, entropy: bytes) -> None:
    with pytest.raises(ValueError, match="five"):
        speedups.transaction_id(1, 1, entropy)


@given(micros=st.integers() | st.integers(-(2**63) - 2, -(2**63) + 2) | st.integers(-(10**9), 10**9))
@example(micros=0)
@example(micros=-1)
@example(micros=2**63 - 1)
@example(micros=2**63)
@example(micros=-(2**63))
@example(micros=10**40)
def test_amounts_are_written_as_in_python(speedups: ModuleType, micros: int) -> None:
    assert speedups.format_amount(micros) == format_amount_in_python(micros)


@given(page=st.binary(min_size=16, max_size=80), start=st.integers(0, 64))
def test_uuids_are_written_as_in_python(speedups: ModuleType, page: bytes, start: int) -> None:
    start = min(start, len(page) - 16)
    written = speedups.uuid_of(page, start)
    assert written == uuid_in_python(page, start)
    assert (UUID(written).version, UUID(written).variant) == (4, RFC_4122)


@pytest.mark.parametrize(("page", "start"), [(b"", 0), (bytes(15), 0), (bytes(32), 17), (bytes(32), -1)])
def test_a_uuid_takes_sixteen_random_bytes(speedups: ModuleType, page: bytes, start: int) -> None:
    with pytest.raises(ValueError, match="sixteen"):
        speedups.uuid_of(page, start)


@pytest.mark.parametrize("wrong", [None, 1, "a=b"])
def test_other_types_are_refused(speedups: ModuleType, wrong: object) -> None:
    with pytest.raises(TypeError):
        speedups.read_encoded_query(wrong, "Signature")
    with pytest.raises(TypeError):
        speedups.book_of_token(wrong if wrong != "a=b" else b"a=b")
    with pytest.raises(TypeError):
        speedups.uuid_of(wrong, 0)
    with pytest.raises(TypeError):
        speedups.format_amount(None if wrong == 1 else wrong)
