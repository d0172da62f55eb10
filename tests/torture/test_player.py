"""A history that is broken off comes to its end, and no fault comes after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from random import Random
from typing import cast

from tests.torture.perfect import Perfect
from tests.torture.test_faces import BUYER

from tallystick.torture.faces.face import RequestNames, UndecidedError
from tallystick.torture.faults import Fault, Tormentor
from tallystick.torture.model.history import Shape, write
from tallystick.torture.model.operations import READS, Answer, FaceName, PlannedOperation
from tallystick.torture.player import Log, Player
from tallystick.torture.theatre import Theatre


@dataclass
class PerfectFace:
    """Asks a service that does what the model says."""

    service: Perfect

    async def ask(self, operation: PlannedOperation, _names: RequestNames, _server: int) -> Answer:
        call = self.service.ask(operation)
        if call.answer is None:
            raise UndecidedError(call.why)
        return call.answer


async def test_what_is_open_when_a_history_is_broken_off_is_found_out() -> None:
    """Some answers are lost. The history is one whose first rounds leave payments by card open."""
    terms, rounds = write("27", Shape())
    service = Perfect(terms, Random("27"), lost_percent=30)  # noqa: S311 - a history, not a secret
    face, log = PerfectFace(service), Log()
    player = Player(dict.fromkeys(FaceName, face), 2, replace(BUYER, terms=terms), log)

    await player.play(rounds, lambda: log.operations >= 12)
    asked = {call.operation for calls in player.told for call in calls}
    open_then = {made.reference for world in player.worlds for made in world.state.transactions if made.asked}
    assert open_then
    assert len(asked) < len({operation for requests in rounds for operation in requests}) / 2

    await player.settle_down()
    assert not any(made.asked for world in player.worlds for made in world.state.transactions)
    assert not any(world.unanswered for world in player.worlds)
    assert {call.operation for calls in player.told for call in calls if call.operation.action not in READS} <= asked


async def test_no_fault_comes_when_it_is_over() -> None:
    nobodys = cast("Theatre", None)  # whoever did something to it would notice
    tormentor = Tormentor(nobodys, Random(1), tuple(Fault), (1, 1), is_over=lambda: True)  # noqa: S311 - no secret

    running = asyncio.create_task(tormentor.run())
    await asyncio.sleep(0)  # it waits for the first operation
    tormentor.one_more()
    await running

    assert tormentor.done == {}
