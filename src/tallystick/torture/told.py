"""At the end of a run: a seller's events are what became of its transactions, without a gap, and each has arrived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.torture.faces.json import STATUSES, JsonFace, micros
from tallystick.torture.model.operations import OperationKind

if TYPE_CHECKING:
    from tallystick.torture.audit import Listed
    from tallystick.torture.hooks import Arrived

_PAGE: Final = 100
_UNDER_WAY: Final = frozenset({"Pending", "Reserved"})
_ACTIVATED: Final = "authorization.activated"
_DIGEST_BYTES: Final = 16
_MOST: Final = 5
"""So many findings of a kind are told: after them the rest is more of the same."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is kept of an event, of which a run may have hundreds of thousands. `about`: the id of its object.

    `status`: of a transaction, as the query API has it. `digest`: of the whole event.
    """

    event_id: str
    sequence: int
    type: str
    about: str
    status: str
    micros: int | None
    digest: bytes

    @property
    def is_of_money(self) -> bool:
        """Whether it is about a transaction."""
        return not self.type.startswith("authorization.")


def told_of(event: Mapping[str, Any]) -> Told:
    """An event as the service writes it. Raises KeyError, ValueError: it lacks something."""
    data = event["data"]
    return Told(
        event["id"],
        event["sequence"],
        event["type"],
        data["id"],
        STATUSES.get(data["status"], data["status"]),
        micros(data["amount"]) if data.get("amount") is not None else None,
        blake2b(msgspec.json.encode(event, order="sorted"), digest_size=_DIGEST_BYTES).digest(),
    )


async def read_events(face: JsonFace) -> list[Told]:
    """All events of a seller, by /v1. Raises httpx.HTTPError: HTTPStatusError where they are refused."""
    found: list[Told] = []
    while True:
        after = found[-1].sequence if found else 0
        page = (await face.get(f"/v1/events?after={after}&limit={_PAGE}")).raise_for_status().json()
        found += map(told_of, page["data"])
        if page["next_cursor"] is None:
            return found


def wrong_events(
    events: Sequence[Told], listed: Mapping[str, Listed], authorizations: Iterable[str], *, charges: bool
) -> Iterator[str]:
    """What is wrong with the events of a seller, in words. `listed`: the transactions in its books.

    `authorizations`: all that its buyers have agreed to. `charges`: those that are answered at once are events, too.
    """
    yield from _wrong_numbers([event.sequence for event in events])
    about: dict[str, list[Told]] = {}
    for event in events:
        about.setdefault(event.about, []).append(event)
    found = [
        words
        for name, one in listed.items()
        if (words := _wrong_story(one, about.get(name, []), charges=charges)) is not None
    ]
    found += [
        f"{event.type} is about {event.about}, which is not in the books"
        for event in events
        if event.is_of_money and event.about not in listed
    ]
    for name in authorizations:
        times = [event.type for event in about.get(name, [])].count(_ACTIVATED)
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


def _wrong_story(listed: Listed, told: Sequence[Told], *, charges: bool) -> str | None:
    """A transaction is told as it went on, and its end once; last what it is in the books."""
    stages = [event.status for event in told]
    name = f"{listed.transaction_id} ({listed.operation}, {listed.status})"
    if not told:
        at_once = listed.operation == OperationKind.PAY.value and listed.status == "Success"
        return None if at_once and not charges else f"{name} was told by no event"
    if stages[-1] != listed.status or any(stage not in _UNDER_WAY for stage in stages[:-1]):
        return f"{name} was told as {', '.join(stages)}"
    if any(before == after for before, after in pairwise(stages)):
        return f"{name} was told twice: {', '.join(stages)}"
    if told[-1].micros != listed.micros:
        return f"{name} comes to {listed.micros} micro-units, and was told as {told[-1].micros}"
    return None


def wrong_deliveries(events: Sequence[Told], arrived: Sequence[Arrived]) -> Iterator[str]:
    """What is wrong with what has arrived of a seller's events, in words."""
    listed = {event.event_id: event for event in events}
    taken = {one.told.event_id for one in arrived if one.answered}
    found = [f"event {event.sequence} has not arrived" for name, event in listed.items() if name not in taken]
    last: dict[str, int] = {}
    first_times: set[str] = set()
    for told in (one.told for one in arrived):
        if listed.get(told.event_id) != told:
            found.append(f"{told.event_id} arrived otherwise than it is listed")
        if told.event_id in first_times:
            continue  # once more, since nobody knew whether it had arrived
        first_times.add(told.event_id)
        if told.sequence < last.get(told.about, 0):
            found.append(f"of {told.about}, the event {told.sequence} arrived after {last[told.about]}")
        last[told.about] = told.sequence
    yield from found[:_MOST]
