"""One history from its first command to the proof of its end state: everything that happens follows from its plan."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import asyncpg
import structlog
from tests.simulation import proof
from tests.simulation.callers import ASK_AGAIN, Inventor, Question
from tests.simulation.cast import BEGIN, make_cast, open_books
from tests.simulation.connections import Network
from tests.simulation.loop import SimulatedLoop, StuckError
from tests.simulation.plan import Plan
from tests.simulation.postgres import Server
from tests.simulation.processes import Outside, Process, Programs
from tests.simulation.rails import Bank, Receiver

from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.refusals import Refused
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger.rules import Rules

_MAX_ATTEMPTS: Final = 6
_LONGEST_SECONDS: Final = 3600
"""Much longer than any caller goes on asking."""

_WEEK: Final = timedelta(days=8)
_QUIET: Final = 400
"""Passes of the worker at the end, at most, until nothing waits any more."""

_RULES: Final = Rules(read_fee_schedules(None), simulate_faults=False)


@dataclass(slots=True)
class Result:
    """What a history came to. `steps`: callbacks of the event loop. `problems`: what must never be."""

    seed: int
    steps: int
    commands: int
    attempts: int
    statements: int
    commits: int
    faults: dict[str, int]
    problems: list[str]
    digest: str
    """Of the end state: the same seed has the same."""


def run_history(plan: Plan, programs: Programs | None = None) -> Result:
    """Run one history and prove it."""
    earlier = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=False
    )
    loop = SimulatedLoop()
    try:
        return loop.run_until_complete(_History(plan, programs or Programs(), loop).run())
    finally:
        loop.close()
        structlog.configure(**earlier)


class _History:
    def __init__(self, plan: Plan, programs: Programs, loop: SimulatedLoop) -> None:
        self.plan, self.loop = plan, loop
        self.dice = random.Random(f"history {plan.seed}")  # noqa: S311 - chance that can be repeated
        self.server = Server(random.Random(f"server {plan.seed}"), BEGIN)  # noqa: S311 - same
        outside = random.Random(f"outside {plan.seed}")  # noqa: S311 - same
        self.outside = Outside(
            self.server,
            Bank(outside),
            Receiver(outside),
            _RULES,
            programs,
            plan.trouble,
            plan.remembers,
        )
        self.cast = make_cast(self.dice)
        self.inventor = Inventor(self.dice, self.cast, self.server.now, self.plan.busy, self.plan.refunding)
        self.networks: list[Network] = []
        self.processes: list[Process] = []
        self.faults = {"kills": 0, "restarts": 0, "jumps": 0}
        self.problems: list[str] = []

    async def run(self) -> Result:
        open_books(self.server)
        await self._begin()
        self.processes = [await self._new_process() for _ in range(self.plan.processes)]
        callers = [self.loop.create_task(self._caller()) for _ in range(self.plan.callers)]
        chaos = self.loop.create_task(self._chaos())
        _, waiting = await asyncio.wait(callers, timeout=_LONGEST_SECONDS)
        if waiting:
            raise StuckError(f"{len(waiting)} callers have no answer after {_LONGEST_SECONDS} s")
        for caller in callers:
            caller.result()
        chaos.cancel()
        await self._end()
        self.problems += proof.problems_of(self.server, self.outside.bank, self.outside.receiver, self.inventor.asked)
        self.problems += [f"asyncio: {context['message']}" for context in self.loop.failures if _is_news(context)]
        return self._result()

    async def _begin(self) -> None:
        process = await self._new_process(faults=False, works=False)
        for book_id, command in self.cast.commands:
            outcome = await process.perform(book_id, command)
            assert isinstance(outcome, Done | Accepted), f"the history cannot begin: {command} came to {outcome}"
        process.kill()

    async def _new_process(self, *, faults: bool = True, works: bool = True) -> Process:
        network = Network(random.Random(self.dice.getrandbits(32)))  # noqa: S311 - as above
        if faults:
            network.cuts, network.silence, network.lost = self.plan.cuts, self.plan.silence, self.plan.lost
        outside = self.outside if faults else replace(self.outside, trouble=0.0)
        self.networks.append(network)
        process = Process(outside, network)
        await process.start(works=works)
        return process

    async def _caller(self) -> None:
        for _ in range(self.plan.commands):
            await asyncio.sleep(self.dice.expovariate(1 / self.plan.seconds))
            question = self.inventor.next()
            for attempt in range(_MAX_ATTEMPTS):
                if await self._ask(self.dice.choice(self.processes), question):
                    break
                await asyncio.sleep(self.dice.random() * 2**attempt / 8)

    async def _ask(self, process: Process, question: Question) -> bool:
        """Ask once; whether there is an answer, or none will ever come."""
        began = self.loop.time()
        if question.first_asked is None:
            question.first_asked = began
        command = self.inventor.again(question.command) if question.attempts else question.command
        try:
            outcome = await process.perform(question.book_id, command)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            question.attempts.append(error)
            return question.reference is None  # nobody may ask for the others again without looking
        finally:
            question.longest_seconds = max(question.longest_seconds, self.loop.time() - began)
        question.attempts.append(outcome)
        question.last_told = self.loop.time()
        return not (isinstance(outcome, Refused) and outcome.refusal in ASK_AGAIN)

    async def _chaos(self) -> None:
        """What goes wrong, at moments of its own."""
        plan, dice = self.plan, self.dice
        coming = ["kills"] * plan.kills + ["restarts"] * plan.restarts + ["jumps"] * plan.jumps
        dice.shuffle(coming)
        for fault in coming:
            await asyncio.sleep(dice.random() * plan.seconds * plan.commands)
            self.faults[fault] += 1
            place = dice.randrange(len(self.processes))
            if fault == "restarts":
                self.server.restart()
            elif fault == "kills":
                self.processes[place].kill()
                await asyncio.sleep(dice.random())
                self.processes[place] = await self._new_process()
            else:
                process = self.processes[place]
                process.jump(timedelta(days=dice.choice((-8, 8))))
                await asyncio.sleep(0.3)
                process.skew = timedelta(0)

    async def _end(self) -> None:
        """All faults are over, and all that waits is done; then each caller asks once more."""
        for process in self.processes:
            process.kill()
        await asyncio.sleep(10)  # by then the server has noticed that they are gone
        calm = await self._new_process(faults=False, works=False)
        await self._until_quiet(calm)
        await self._ask_all_again(calm)
        await self._until_quiet(calm)
        if self.plan.days:
            await asyncio.sleep(_WEEK.total_seconds())
            await calm.watch.compare(calm.service.pool)
            if believed := self.server.table("believed_time").rows:
                believed[()]["believed_at"] = self.server.now()  # as hundreds of passes have it by then
            await calm.worker.forget()
            await self._until_quiet(calm)
            await self._ask_all_again(calm, later=True)
            await self._until_quiet(calm)
        await asyncio.sleep(1)  # so that nothing is under way any more

    async def _until_quiet(self, process: Process) -> None:
        for _ in range(_QUIET):
            done = await process.worker.ask_rails() + await process.worker.notification_sender.dispatch()
            await process.worker.notification_sender.idle()
            due = [row["due_at"] for row in self.server.rows("rail_request")]
            due += [row["due_at"] for row in self.server.rows("outbox") if row["state"] == "waiting"]
            if not due:
                return
            later = [moment for moment in due if moment > self.server.now()]
            if done or not later:  # an event waits for the one before it
                await asyncio.sleep(0.1)
            else:
                await asyncio.sleep((min(later) - self.server.now()).total_seconds())
        self.problems.append("work is left that never ends")

    async def _ask_all_again(self, process: Process, *, later: bool = False) -> None:
        """Who has an answer gets the same, or after a week that the reference is spent; never another transaction."""
        for question in self.inventor.asked:
            first = question.answers[0] if question.answers else None
            if question.reference is None or (later and not isinstance(first, Accepted)):
                continue  # a refusal is forgotten after a week
            outcome = await process.perform(question.book_id, self.inventor.again(question.command))
            if later and isinstance(first, Accepted) and isinstance(outcome, Refused):
                if first.transaction_id not in outcome.message:
                    self.problems.append(f"{question.reference}: {first}, after a week {outcome}")
            elif first is not None and not proof.same_answer(first, outcome):
                self.problems.append(f"{question.reference}: first {first}, asked again {outcome}")
            else:
                question.attempts.append(outcome)

    def _result(self) -> Result:
        state = [(name, sorted(table.rows.items(), key=repr)) for name, table in sorted(self.server.tables.items())]
        asked = self.inventor.asked
        state_of_signatures = ("outbox", "signing_key")  # whose bytes are not ours to repeat
        told = repr([item for item in state if item[0] not in state_of_signatures])
        self.faults |= {
            "cuts": sum(network.broken for network in self.networks),
            "silences": sum(network.silent for network in self.networks),
            "deadlocks": self.server.deadlocks,
        }
        return Result(
            self.plan.seed,
            self.loop.steps,
            len(asked),
            sum(len(question.attempts) for question in asked),
            sum(network.statements for network in self.networks),
            self.server.commits,
            self.faults,
            self.problems,
            hashlib.sha256(told.encode()).hexdigest(),
        )


def _is_news(context: Mapping[str, object]) -> bool:
    """asyncio tells of tasks that nobody asks any more: those of killed processes are none of its business."""
    return not isinstance(context.get("exception"), Exception | BaseException)
