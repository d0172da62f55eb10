"""What torture says of a seller's events: nothing where all is right, and what is wrong where one thing is spoilt."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from tallystick.notify.webhook_content import secret_text, signed_headers
from tallystick.torture.audit import Listed
from tallystick.torture.hooks import Arrived, Hooks
from tallystick.torture.told import Told, told_of, wrong_deliveries, wrong_events

Events = list[dict[str, Any]]
NOW = datetime.fromisoformat("2027-03-01T12:00:00+00:00")
BALANCE = "P1"


def event(number: int, name: str, about: str, status: str, amount: str = "1.00") -> dict[str, Any]:
    data = {"object": name.partition(".")[0], "id": about, "status": status, "amount": amount}
    return {"id": f"evt_1_{number}", "sequence": number, "type": name, "data": data}


def right() -> Events:
    return [
        event(1, "authorization.activated", BALANCE, "active"),
        event(2, "top_up.pending", "t1", "pending", "5.00"),
        event(3, "charge.succeeded", "t2", "succeeded"),
        event(4, "top_up.succeeded", "t1", "succeeded", "5.00"),
        event(5, "reservation.pending", "t3", "pending"),
        event(6, "reservation.reserved", "t3", "reserved"),
        event(7, "reservation.pending", "t3", "pending"),
        event(8, "reservation.captured", "t3", "succeeded"),
    ]


LISTED = {
    "t1": Listed("t1", "FundPrepaid", 5_000_000, "Success", NOW),
    "t2": Listed("t2", "Pay", 1_000_000, "Success", NOW),
    "t3": Listed("t3", "Reserve", 1_000_000, "Success", NOW),
}


def read(events: Events) -> list[Told]:
    """As torture reads them."""
    return [told_of(one) for one in events]


def renumbered(events: Events) -> Events:
    for number, one in enumerate(events, start=1):
        one["sequence"] = number
    return events


def test_nothing_is_said_of_what_is_right() -> None:
    assert list(wrong_events(read(right()), LISTED, [BALANCE], charges=True)) == []
    without = renumbered([one for one in right() if one["data"]["id"] != "t2"])
    assert list(wrong_events(read(without), LISTED, [BALANCE], charges=False)) == []


def without(number: int) -> Callable[[Events], Events]:
    return lambda events: renumbered([one for one in events if one["sequence"] != number])


def twice(number: int) -> Callable[[Events], Events]:
    return lambda events: renumbered([*events[:number], copy.deepcopy(events[number - 1]), *events[number:]])


def with_amount(events: Events) -> Events:
    events[3]["data"]["amount"] = "4.99"
    return events


SPOILT: dict[str, tuple[Callable[[Events], Events], str]] = {
    "no first": (lambda events: events[1:], "the first event has the number 2"),
    "a gap": (lambda events: events[:4] + events[5:], "after the event 4 comes 6"),
    "no charge": (without(3), "t2 (Pay, Success) was told by no event"),
    "no end": (without(4), "t1 (FundPrepaid, Success) was told as Pending"),
    "twice": (twice(4), "t1 (FundPrepaid, Success) was told as Pending, Success, Success"),
    "a stage twice": (twice(6), "t3 (Reserve, Success) was told twice: Pending, Reserved, Reserved, Pending, Success"),
    "nobody agreed": (without(1), f"that somebody agreed to {BALANCE} was told 0 times"),
    "agreed twice": (twice(1), f"that somebody agreed to {BALANCE} was told 2 times"),
    "another amount": (with_amount, "t1 (FundPrepaid, Success) comes to 5000000 micro-units, and was told as 4990000"),
    "of nothing": (
        lambda events: [*events, event(9, "charge.failed", "t9", "failed")],
        "charge.failed is about t9, which is not in the books",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_said(name: str) -> None:
    spoil, words = SPOILT[name]
    assert words in list(wrong_events(read(spoil(right())), LISTED, [BALANCE], charges=True))


def arrived(events: Events) -> list[Arrived]:
    return [Arrived(one, answered=True) for one in read(events)]


def test_an_event_may_arrive_twice_and_events_of_different_objects_in_any_order() -> None:
    first, second, third, *rest = arrived(right())
    lost = Arrived(second.told, answered=False)
    assert list(wrong_deliveries(read(right()), [third, lost, first, second, second, *rest])) == []


def test_what_did_not_arrive_or_came_too_early_or_is_another_is_said() -> None:
    events = right()
    assert list(wrong_deliveries(read(events), arrived(events[:-1]))) == ["event 8 has not arrived"]
    unanswered = [*arrived(events[:-1]), Arrived(told_of(events[-1]), answered=False)]
    assert list(wrong_deliveries(read(events), unanswered)) == ["event 8 has not arrived"]
    early = [events[0], events[3], events[2], events[1], *events[4:]]
    assert list(wrong_deliveries(read(events), arrived(early))) == ["of t1, the event 2 arrived after 4"]
    other = [*events[:2], events[2] | {"type": "charge.failed"}, *events[3:]]
    assert list(wrong_deliveries(read(events), arrived(other))) == ["evt_1_3 arrived otherwise than it is listed"]


async def test_receivers_take_what_is_signed_lose_some_once_and_tell_of_the_rest() -> None:
    secret, path = b"s" * 32, "/7"
    async with Hooks().listening() as hooks, httpx.AsyncClient(trust_env=False) as http:
        hooks.secrets[path] = secret_text(secret)
        answers: list[int | None] = []
        sent = [event(number, "charge.succeeded", f"t{number}", "succeeded") for number in range(1, 129)]
        for one in sent * 2:
            body = msgspec.json.encode(one)
            try:
                posted = http.post(
                    hooks.url(path), content=body, headers=signed_headers(one["id"], NOW, body, [secret])
                )
                answers.append((await posted).status_code)
            except httpx.TransportError:
                answers.append(None)
        assert {None, 204, 500} == set(answers[:128])
        assert set(answers[128:]) == {204}
        assert list(wrong_deliveries(read(sent), hooks.arrived[path])) == []
        assert hooks.wrong == []
        body = msgspec.json.encode(sent[0])
        forged = signed_headers(sent[0]["id"], NOW, body, [b"other"])
        assert (await http.post(hooks.url(path), content=body, headers=forged)).status_code == 400
        assert len(hooks.wrong) == 1
