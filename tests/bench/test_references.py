"""Payments of a load are held against the books by their references and ids, whenever they were committed."""

from __future__ import annotations

import pytest

from tallystick.bench.load.references import Unanswered, noting, references_of
from tallystick.bench.load.wrk import Load


def asked(*names: str) -> list[tuple[str, ...]]:
    """Requests that make a transaction each; the first is the one that is never sent."""
    return [("unsent",), *((name,) for name in names)]


def load(*answered: str, clients: int = 1, requests: int | None = None) -> Load:
    return Load(
        clients=clients,
        requests=len(answered) if requests is None else requests,
        seconds=1,
        latencies_ms=(),
        answered=frozenset(answered),
    )


def test_every_answered_payment_must_be_there() -> None:
    wrong = Unanswered().compare([(asked("a", "b", "c"), load("T1", "T2"))], [("T1", "a"), ("T3", "c")])
    assert wrong == ["1 payments were answered and are not in the books: T2"]


def test_a_payment_that_is_missing_does_not_hide_behind_one_that_is_too_many() -> None:
    """A count would come out even."""
    wrong = Unanswered().compare([(asked("a", "b"), load("T1", "T2"))], [("T1", "a"), ("T9", "strange")])
    assert wrong == [
        "1 payments were answered and are not in the books: T2",
        "1 payments are in the books and were not asked for: strange",
    ]


def test_a_reference_may_be_there_once() -> None:
    wrong = Unanswered().compare([(asked("a", "b"), load("T1"))], [("T1", "a"), ("T2", "a")])
    assert wrong == ["1 payments are in the books more than once: a"]


def test_what_was_under_way_when_a_load_ended_may_be_committed_during_the_next() -> None:
    """By time it is one more than that load can have made: its answers, and a request under way for each client."""
    unanswered = Unanswered()
    assert unanswered.compare([(asked("a", "late"), load("T1"))], [("T1", "a")]) == []

    second = load("T2", "T3")
    made = [("T2", "b"), ("T3", "c"), ("T4", "d"), ("T5", "late")]
    assert len(made) > second.requests + second.clients
    assert unanswered.compare([(asked("b", "c", "d"), second)], made) == []
    assert unanswered.late == 1

    again = unanswered.compare([(asked("e"), load("T6"))], [("T6", "e"), ("T7", "late")])
    assert again == ["1 payments are in the books and were not asked for: late"], "late once, not twice"


def test_what_was_prepared_and_never_sent_must_not_be_there() -> None:
    requests = asked("a", "b", "c", "d")
    assert Unanswered().compare([(requests, load("T1"))], [("T1", "a"), ("T2", "b")]) == []
    wrong = Unanswered().compare([(requests, load("T1"))], [("T1", "a"), ("T2", "d")])
    assert wrong == ["1 payments are in the books and were not asked for: d"]


def test_of_each_client_one_request_may_be_missing() -> None:
    names = "abcdef"
    answered = [("T1", "a"), ("T2", "b")]
    assert Unanswered().compare([(asked(*names), load("T1", "T2", clients=2))], answered) == []
    wrong = Unanswered().compare([(asked(*names), load("T1", "T2", clients=2, requests=4))], answered)
    assert len(wrong) == 1
    assert wrong[0].startswith("5 requests are not in the books, and 2 clients had one under way: unsent, c, d")


def test_loads_at_the_same_time_are_compared_together() -> None:
    loads = [(asked("a", "b"), load("T1")), (asked("c", "d"), load("T2"))]
    assert Unanswered().compare(loads, [("T1", "a"), ("T2", "c"), ("T3", "d")]) == []


def test_memory_does_not_grow_with_payments() -> None:
    unanswered = Unanswered()
    for slice_number in range(5):
        names = [f"{slice_number}-{number}" for number in range(1_000)]
        made = [(f"T{name}", name) for name in names[:900]]
        answers = load(*(one for one, _ in made), clients=4)
        assert unanswered.compare([(asked(*names), answers)], made) == []
    assert len(unanswered._references) <= 5 * (4 + 1)  # noqa: SLF001 - what it holds is what this is about


@pytest.mark.parametrize(
    ("request_", "references"),
    [
        (b"GET /?Action=Pay&CallerReference=00ff&SenderTokenId=S HTTP/1.1\r\n\r\n", ("00ff",)),
        (b"GET /?Action=GetPrepaidBalance&PrepaidInstrumentId=P HTTP/1.1\r\n\r\n", ()),
        (b'POST / HTTP/1.1\r\n\r\n{"caller_reference":"01"}\n{"caller_reference":"02"}\n', ("01", "02")),
    ],
)
def test_references_are_read_from_requests(request_: bytes, references: tuple[str, ...]) -> None:
    noted: list[tuple[str, ...]] = []
    assert references_of(request_) == references
    assert list(noting(iter([request_]), noted)) == [request_]
    assert noted == [references]
