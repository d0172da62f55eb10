"""One run: histories under faults, then peace, the books of all sellers, `verify`, and what there is to tell."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

import httpx

from tallystick.settings import CONFIG, NO_FILE, PREFIX
from tallystick.torture import report
from tallystick.torture.audit import Books, how_found, problems, read_books, read_json_books
from tallystick.torture.faults import Fault, Tormentor, possible
from tallystick.torture.model.history import Shape, write
from tallystick.torture.model.operations import OperationCall, Round
from tallystick.torture.model.shrink import shrink
from tallystick.torture.model.state import Terms
from tallystick.torture.model.story import agreed, requests
from tallystick.torture.model.story import lines as story_lines
from tallystick.torture.player import PATIENCE_SECONDS, Log, Player, ViolationError
from tallystick.torture.stage import TortureSeller
from tallystick.torture.theatre import Theatre, open_theatre
from tallystick.torture.told import Told, read_events, wrong_deliveries, wrong_events

SHRINK_SECONDS: Final = 120
_UNDISTURBED_SECONDS: Final = 20
"""How long anything may stay unknown or pending where there are no faults."""

_TRIES: Final = 3
"""How often a story is played before it is believed to succeed: what depends on rivals does not show every time."""


@dataclass(frozen=True, slots=True)
class TorturePlan:
    """What to do: histories begin until there were so many `operations`; after so many `seconds` nothing more is asked.

    `buyers`: how many at a time.
    """

    seed: int
    operations: int | None = None
    seconds: float | None = None
    faults: tuple[Fault, ...] = tuple(Fault)
    processes: int = 3
    sellers: int = 3
    buyers: int = 8
    shape: Shape = field(default_factory=Shape)
    every: tuple[int, int] = (15, 60)


@dataclass(slots=True)
class Run:
    """One run in a theatre."""

    plan: TorturePlan
    theatre: Theatre
    tell: Callable[[str], None] = lambda _: None
    log: Log = field(default_factory=Log)
    players: list[Player] = field(default_factory=list)
    _began: float = field(default_factory=monotonic)
    _since: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=1))

    async def play(self) -> report.Report:
        """All of it. Raises TortureError, SetUpError: it cannot be brought to an end."""
        plan, theatre = self.plan, self.theatre
        faults, left_out = possible(plan.faults, theatre)
        tormentor = Tormentor(theatre, Random(f"{plan.seed}/faults"), faults, plan.every, self._is_late)  # noqa: S311
        self.log.tell = tormentor.one_more
        violation: ViolationError | None = None
        tormenting = asyncio.create_task(tormentor.run())
        try:
            await self._under(tormenting)
        except ViolationError as error:
            violation = error
        finally:
            tormenting.cancel()
            with suppress(asyncio.CancelledError):
                await tormenting
            await theatre.heal()
        seconds, operations = monotonic() - self._began, self.log.operations
        wrong: list[str] = []
        books: list[Books] = []
        told: dict[TortureSeller, Sequence[Told]] = {}
        if violation is None:
            await theatre.number_events()
            for seller in theatre.sellers:
                played = [player for player in self.players if player.buyer.seller == seller]
                books.append(await read_books(theatre.query_face(seller).clients[0], seller, self._since))
                wrong += problems(books[-1], played)
                face = theatre.json_face(seller)
                by_json = await read_json_books(face, seller)
                wrong += [f"by JSON: {problem}" for problem in problems(by_json, played)]
                try:
                    told[seller] = await read_events(face)
                except httpx.HTTPStatusError as error:
                    wrong.append(f"the events of seller {seller.number} cannot be read: {error.response.text}")
                    continue
                agreed_to = [name for player in played for name in player.buyer.authorizations]
                wrong += wrong_events(told[seller], by_json.listed, agreed_to, charges=seller.charge_events)
        failure = None if violation is None else await self._shortened(violation, faults)
        await theatre.close()
        if told:
            await theatre.deliver_rest()
            wrong += theatre.hooks.wrong
            for seller, events in told.items():
                wrong += wrong_deliveries(events, theatre.hooks.arrived.get(seller.hook or "", []))
        return report.Report(
            seed=plan.seed,
            processes=plan.processes,
            sellers=plan.sellers,
            buyers=len(self.players),
            seconds=seconds,
            operations=operations,
            polls=self.log.polls,
            answered=dict(self.log.answered),
            faces=dict(self.log.faces),
            refused=dict(self.log.refused),
            unknown=dict(self.log.unknown),
            found_out=how_found(self.log.found, books),
            faults={fault.value: count for fault, count in tormentor.done.items()},
            left_out={fault.value: why for fault, why in left_out.items()},
            longest_seconds=self.log.longest_seconds,
            tracebacks=theatre.tracebacks(),
            ended=_added_up(program.ended for program in theatre.programs),
            transactions=sum(len(each.listed) for each in books),
            events=sum(len(events) for events in told.values()),
            deliveries=sum(len(arrived) for arrived in theatre.hooks.arrived.values()),
            verified=await self._verified(),
            problems=tuple(wrong),
            failure=failure,
        )

    async def _under(self, tormenting: asyncio.Task[None]) -> None:
        """Play all buyers at once; the first violation, or a fault that cannot be mended, ends it."""
        playing = {asyncio.create_task(self._buyers(number)) for number in range(self.plan.buyers)}
        try:
            while playing:
                watched = playing if tormenting.done() else {*playing, tormenting}
                ended, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
                playing -= ended
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)

    async def _buyers(self, number: int) -> None:
        """One buyer after the other, until it is enough; what is open then comes to its end."""
        turn = 0
        while not self._is_enough():
            seller = self.theatre.sellers[number % len(self.theatre.sellers)]
            terms, rounds = write(f"{self.plan.seed}/{number}/{turn}", self.plan.shape)
            player = self.theatre.player(await self.theatre.stage.buyer(seller, terms), self.log)
            self.players.append(player)
            await player.play(rounds, self._is_late)
            await player.settle_down()
            turn += 1

    def _is_enough(self) -> bool:
        plan = self.plan
        return self._is_late() or (plan.operations is not None and self.log.operations >= plan.operations)

    def _is_late(self) -> bool:
        return self.plan.seconds is not None and monotonic() - self._began >= self.plan.seconds

    async def _shortened(self, violation: ViolationError, faults: tuple[Fault, ...]) -> report.Failure:
        """The shortest story that fails in the same theatre: without faults if that is enough, else with some."""
        self.tell(f"WRONG: {violation.message}; looking for the shortest story")
        rounds = _asked(violation.told)
        latest: list[ViolationError] = [violation]
        for under in ((), faults):
            until = monotonic() + SHRINK_SECONDS

            async def fails(tried: Sequence[Round], under: tuple[Fault, ...] = under, until: float = until) -> bool:
                if monotonic() > until:
                    return False
                found = await self._failure_of(tried, violation.terms, under)
                if found is not None:
                    latest[0] = found
                return found is not None

            if await fails(rounds):
                await shrink(rounds, fails)
                return _failure(latest[0], violation, alone=not under, reproduced=True)
        return _failure(violation, violation, alone=False, reproduced=False)

    async def _failure_of(
        self, rounds: Sequence[Round], terms: Terms, faults: tuple[Fault, ...]
    ) -> ViolationError | None:
        for number in range(_TRIES):
            seller = self.theatre.sellers[0]
            log = Log()
            tormentor = Tormentor(self.theatre, Random(f"{self.plan.seed}/{number}"), faults, (2, 10))  # noqa: S311
            log.tell = tormentor.one_more
            tormenting = asyncio.create_task(tormentor.run())
            buyer = await self.theatre.stage.buyer(seller, terms)
            player = self.theatre.player(buyer, log, PATIENCE_SECONDS if faults else _UNDISTURBED_SECONDS)
            try:
                await player.play(rounds)
                await player.settle_down()
            except ViolationError as found:
                return found
            finally:
                tormenting.cancel()
                with suppress(asyncio.CancelledError):
                    await tormenting
                if faults:
                    await self.theatre.heal()
        return None

    async def _verified(self) -> bool:
        """Whether `tallystick verify` finds nothing, in a process of its own."""
        settings = self.theatre.stage.service.settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        environment[CONFIG] = NO_FILE
        environment["TALLYSTICK_DATABASE_URL"] = settings.database_url or ""
        environment["TALLYSTICK_OWNER_DATABASE_URL"] = settings.owner_database_url or ""
        environment["TALLYSTICK_DATA_DIRECTORY"] = str(settings.data_directory)
        command = (sys.executable, "-m", "tallystick", "verify")
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL)
        return await process.wait() == 0


def _added_up(counted: Iterable[Mapping[str, int]]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for each in counted:
        added.update(each)
    return dict(added)


def _asked(told: Sequence[Sequence[OperationCall]]) -> list[Round]:
    """The requests of a history, without those that only repeated others to find something out."""
    rounds: list[Round] = []
    for calls in told:
        requests = tuple(call.operation for call in calls if not call.again)
        if requests:
            rounds.append(requests)
    return rounds


def _failure(shortest: ViolationError, first: ViolationError, *, alone: bool, reproduced: bool) -> report.Failure:
    return report.Failure(
        message=shortest.message,
        buyer=agreed(shortest.terms),
        story=tuple(story_lines(shortest.told)),
        requests_before=requests(first.told),
        requests=requests(shortest.told),
        alone=alone,
        reproduced=reproduced,
    )


async def torture(
    plan: TorturePlan, tell: Callable[[str], None] = lambda _: None, logs: Path | None = None
) -> report.Report:
    """Carry a plan out. `logs`: a directory for what the processes write, which stays; None: it goes.

    Raises TortureError, SetUpError, EmbeddedPostgresError: it cannot be brought to an end.
    """
    async with open_theatre(plan.processes, plan.sellers, logs) as theatre:
        return await Run(plan, theatre, tell).play()
