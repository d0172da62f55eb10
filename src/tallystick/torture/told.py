"""At the end of a run: a seller's events are what became of its transactions, without a gap, and each has arrived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tallystick.torture.faces.json import STATUSES, JsonFace, micros
from tallystick.torture.model.operations import OperationKind

if TYPE_CHECKING:
    from tallystick.torture.audit import Listed
    from tallystick.torture.hooks import Arrived

Event = Mapping[str, Any]

_PAGE: Final = 100
_UNDER_WAY: Final = frozenset({"Pending", "Reserved"})
_NO_TRANSACTION: Final = "authorization"
_MOST: Final = 5
"""So many findings of a kind are told: after them the rest is more of the same."""


async def read_events(face: JsonFace) -> list[Event]:
    """All events of a seller, by /v1. Raises httpx.HTTPError: HTTPStatusError where they are refused."""
    found: list[Event] = []
    while True:
        after = found[-1]["sequence"] if found else 0
        page = (await face.get(f"/v1/events?after={after}&limit={_PAGE}")).raise_for_status().json()
        found += page["data"]
        if page["next_cursor"] is None:
            return found


def wrong_events(
    events: Sequence[Event], listed: Mapping[str, Listed], authorizations: Iterable[str], *, charges: bool
) -> Iterator[str]:
    """What is wrong with the events of a seller, in words. `listed`: the transactions in its books.

    `authorizations`: all that its buyers have agreed to. `charges`: those that are answered at once are events, too.
    """
    yield from _wrong_numbers([event["sequence"] for event in events])
    about: dict[str, list[Event]] = {}
    for event in events:
        about.setdefault(event["data"]["id"], []).append(event)
    found = [
        words
        for name, one in listed.items()
        if (words := _wrong_story(one, about.get(name, []), charges=charges)) is not None
    ]
    found += [
        f"{event['type']} is about {name}, which is not in the books"
        for name, told in about.items()
        for event in told
        if name not in listed and event["data"]["object"] != _NO_TRANSACTION
    ]
    for name in authorizations:
        times = [event["type"] for event in about.get(name, [])].count("authorization.activated")
        if times != 1:
            found.append(f"that somebody agreed to {name} was told {times} times")
    yield from found[:_MOST]


def _wrong_numbers(numbers: Sequence[int]) -> Iterator[str]:
    if numbers and numbers[0] != 1:
        yield f"the first event has the number {numbers[0]}"
    for before, after in pairwise(numbers):
        if after != before + 1:
            yield f"after the event {before} comes {after}"
            return


def _wrong_story(listed: Listed, told: Sequence[Event], *, charges: bool) -> str | None:
    """A transaction is told as it went on, and its end once; last what it is in the books."""
    stages = [STATUSES.get(event["data"]["status"], event["data"]["status"]) for event in told]
    name = f"{listed.transaction_id} ({listed.operation}, {listed.status})"
    if not told:
        at_once = listed.operation == OperationKind.PAY.value and listed.status == "Success"
        return None if at_once and not charges else f"{name} was told by no event"
    if stages[-1] != listed.status or any(stage not in _UNDER_WAY for stage in stages[:-1]):
        return f"{name} was told as {', '.join(stages)}"
    if any(before == after for before, after in pairwise(stages)):
        return f"{name} was told twice: {', '.join(stages)}"
    if (amount := micros(told[-1]["data"]["amount"])) != listed.micros:
        return f"{name} comes to {listed.micros} micro-units, and was told as {amount}"
    return None


def wrong_deliveries(events: Sequence[Event], arrived: Sequence[Arrived]) -> Iterator[str]:
    """What is wrong with what has arrived of a seller's events, in words."""
    listed = {event["id"]: event for event in events}
    taken = {one.event["id"] for one in arrived if one.answered}
    found = [f"event {event['sequence']} has not arrived" for name, event in listed.items() if name not in taken]
    last: dict[str, int] = {}
    first_times: set[str] = set()
    for one in arrived:
        name, about, number = one.event["id"], one.event["data"]["id"], one.event["sequence"]
        if listed.get(name) != one.event:
            found.append(f"{name} arrived otherwise than it is listed")
        if name in first_times:
            continue  # once more, since nobody knew whether it had arrived
        first_times.add(name)
        if number < last.get(about, 0):
            found.append(f"of {about}, the event {number} arrived after {last[about]}")
        last[about] = number
    yield from found[:_MOST]
