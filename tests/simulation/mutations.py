"""Faults that the simulation must find: the program, or the model of the database, with one thing wrong.

Most are patches of the program's own source, applied to a copy that is loaded beside it. The others take a promise away
from the database.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.simulation import memory_writes, money, together, work
from tests.simulation.connections import Handler, SimulatedPool
from tests.simulation.history import run_history
from tests.simulation.loop import StuckError
from tests.simulation.plan import Plan, plan_of
from tests.simulation.postgres import Record, Transaction
from tests.simulation.processes import Programs
from tests.support.one_payment import as_group

_LEDGER: Final = "tallystick.store.ledger"
_COMMITTING: Final = (
    "tallystick.domain.decide",
    f"{_LEDGER}.load",
    f"{_LEDGER}.optimistic.payments",
    f"{_LEDGER}.apply",
    f"{_LEDGER}.apply_payments",
    f"{_LEDGER}.optimistic.refunds",
    f"{_LEDGER}.command_queue",
    f"{_LEDGER}.memory.payment_memory",
    f"{_LEDGER}.memory.cached_keys",
    f"{_LEDGER}.memory.written_payments",
    f"{_LEDGER}.memory.payments_from_memory",
    f"{_LEDGER}.memory.together",
    f"{_LEDGER}.memory.refunds_beside",
    f"{_LEDGER}.group_commits",
    f"{_LEDGER}.optimistic.refund_commits",
    f"{_LEDGER}.committer",
)
_WORKING: Final = (
    "tallystick.services.rails.orders",
    "tallystick.services.operations.housekeeping",
    "tallystick.notify.delivery",
    "tallystick.worker",
)
_COPIED: Final = (*_COMMITTING, *_WORKING)
"""Loaded anew for each patch, in this order: whatever imports a patched module gets the copy."""


@dataclass(frozen=True, slots=True)
class Patch:
    """`old` stands once in the source of the module, and is `new` in the copy."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault, and what is wrong with it. `plan`: what the histories that find it have to have."""

    name: str
    patch: Patch | None = None
    money: Mapping[str, Handler] = field(default_factory=dict)
    work: Mapping[str, Handler] = field(default_factory=dict)
    pool: type[SimulatedPool] = SimulatedPool
    plan: Mapping[str, Any] = field(default_factory=dict)


def caught(mutation: Mutation, seeds: Sequence[int]) -> tuple[int, str] | None:
    """The first of the seeds whose history finds the fault, with what it says; None: it was missed."""
    with programs_of(mutation) as programs:
        for seed in seeds:
            plan: Plan = replace(plan_of(seed), **mutation.plan)
            try:
                problems = run_history(plan, programs).problems
            except StuckError:
                return seed, "somebody waits for ever"
            if problems:
                return seed, problems[0]
    return None


@contextmanager
def programs_of(mutation: Mutation) -> Iterator[Programs]:
    """The programs with the fault in them."""
    statements = {**money.of_money(mutation.money), **work.of_work(mutation.work)}
    if mutation.patch is None:
        yield Programs(statements, pool=mutation.pool)
        return
    with _copies(mutation.patch) as copies:
        yield Programs(
            statements,
            copies[f"{_LEDGER}.committer"].Committer,
            copies[f"{_LEDGER}.memory.payment_memory"].PaymentMemory,
            copies["tallystick.worker"].Worker,
            copies["tallystick.notify.delivery"].NotificationSender,
            mutation.pool,
        )


@contextmanager
def _copies(patch: Patch) -> Iterator[Mapping[str, ModuleType]]:
    originals = {name: importlib.import_module(name) for name in _COPIED}
    try:
        for name, original in originals.items():
            source = Path(original.__file__ or "").read_text(encoding="utf-8")
            if name == patch.module:
                if source.count(patch.old) != 1:
                    raise LookupError(f"{name} has changed: {source.count(patch.old)} times {patch.old!r}")
                source = source.replace(patch.old, patch.new)
            copy = ModuleType(name)
            copy.__file__, copy.__package__ = original.__file__, original.__package__
            if original.__spec__ is not None and original.__spec__.submodule_search_locations is not None:
                copy.__path__ = list(original.__spec__.submodule_search_locations)
            sys.modules[name] = copy
            exec(compile(source, original.__file__ or name, "exec"), copy.__dict__)  # noqa: S102 - our own source
        copies = {name: sys.modules[name] for name in _COPIED}
    finally:
        sys.modules.update(originals)
    yield copies


class HastyPool(SimulatedPool):
    """A server that says COMMIT before it has written anything down, and loses that when it is killed."""

    def commit(self, transaction: Transaction) -> None:
        def write() -> None:
            if not transaction.over:
                transaction.commit()

        asyncio.get_running_loop().call_later(0.02, write)


async def _lock_nothing(
    tx: Transaction, book_id: int, instruments: Sequence[str], tokens: Sequence[str], transactions: Sequence[str]
) -> list[Record]:
    class Reader:
        """Sees what the transaction sees, and locks nothing."""

        see, scan = tx.see, tx.scan

        async def lock(self, table: str, key: tuple[Any, ...]) -> Record | None:
            return tx.see(table, key)

    return await money.lock(Reader(), book_id, instruments, tokens, transactions)  # type: ignore[arg-type]


async def _lock_no_tokens(_tx: Transaction, _book_id: int, _tokens: Sequence[str]) -> list[Record]:
    return []


async def _believe_memory(
    tx: Transaction,
    book_id: int,
    paid: Sequence[Any],
    kind: Sequence[Any],
    changes: Sequence[Any],
    *rest: Any,
    tabs: Sequence[Any] = (),
) -> list[Record]:
    """Whatever was changed meanwhile: neither the versions of rows nor those of the terms are looked at."""
    refused, now, _tokens, *more = rest
    moved = [(number, delta, None) for number, delta, _ in changes]
    return await memory_writes.apply_from_memory(
        tx, book_id, paid, kind, moved, refused, now, (), *more, tabs=tabs, compared=False
    )


async def _believe_one(tx: Transaction, *values: Any) -> list[Record]:
    return await _believe_memory(tx, *as_group(values))


async def _believe_tabs(tx: Transaction, *values: Any) -> list[Record]:
    *common, tabs = values
    return await _believe_memory(tx, *common, tabs=tabs)


async def _forget_all_answers(tx: Transaction, before: datetime, _maximum: int) -> int:
    gone = 0
    for key, row in [*tx.scan("answered_reference")]:
        if row["answered_at"] <= before and await tx.lock("answered_reference", key) is not None:
            tx.write("answered_reference", key, None)
            gone += 1
    return gone


_RIVALS: Final = {"processes": 2, "callers": 8, "commands": 8, "seconds": 0.01, "days": False}
REFUNDING: Final[Mapping[str, Any]] = {
    "busy": True,
    "refunding": True,
    "processes": 3,
    "callers": 24,
    "commands": 20,
    "seconds": 0.00005,
    "remembers": 8,
}
"""Histories in which refunds are written beside payments, and overtaken."""
_TROUBLE: Final = {**_RIVALS, "cuts": 0.03, "trouble": 0.3, "kills": 1, "restarts": 1}

MUTATIONS: Final = (
    Mutation(
        "an early answer: payments are acknowledged before they are committed",
        Patch(
            f"{_LEDGER}.group_commits",
            "                await apply_payments(connection,",
            "                self._answer(book_id, signed, decisions)\n"
            "                await apply_payments(connection,",
        ),
        plan=_TROUBLE,
    ),
    Mutation("an early answer: the server says COMMIT before it is durable", pool=HastyPool, plan=_TROUBLE),
    Mutation(
        "a lost update: versions are not checked when payments are written",
        Patch(f"{_LEDGER}.apply", "versions = self.loaded.versions", "versions: dict[int, int] = {}"),
        plan={**_RIVALS, "commands": 16},
    ),
    Mutation(
        "memory is believed: nothing is compared when payments are written",
        money={
            "apply_from_memory": _believe_memory,
            "apply_one_from_memory": _believe_one,
            "apply_from_memory_and_tell": _believe_memory,
            "apply_tabs_from_memory": _believe_tabs,
            "apply_tabs_from_memory_and_tell": _believe_tabs,
            "apply_plain_together": together.believe,
            "apply_together": together.believe,
        },
        plan={**_RIVALS, "commands": 30, "remembers": 4},
    ),
    Mutation(
        "a lost update: refunds beside payments are written whatever was refunded meanwhile",
        money={"apply_from_memory_and_refund": memory_writes.believe_refunds},
        plan={**_RIVALS, **REFUNDING},
    ),
    Mutation(
        "a lost update: what payments from memory charge to a tab is not counted",
        Patch(f"{_LEDGER}.memory.written_payments", "_tabs(loaded, last), events", "[], events"),
        plan={**_RIVALS, "remembers": 4},
    ),
    Mutation(
        "a lost update: a command of a group does not see the one before it",
        Patch("tallystick.domain.decide", "        state.apply(decision)\n", ""),
        plan=_RIVALS,
    ),
    Mutation("a missing lock: instruments are read without", money={"lock": _lock_nothing}, plan=_RIVALS),
    Mutation("a missing lock: tokens without an instrument", money={"lock_tokens": _lock_no_tokens}, plan=_RIVALS),
    Mutation(
        "a forgotten reference: it is not written down with what needs locks",
        Patch(
            f"{_LEDGER}.apply",
            "            [answer_row(reference, answered) for reference, answered in answers],",
            "            [],",
        ),
        plan=_TROUBLE,
    ),
    Mutation(
        "a forgotten reference: it is not read",
        Patch(f"{_LEDGER}.load", "        [*wanted.references],\n        since,", "        [],\n        since,"),
        plan=_RIVALS,
    ),
    Mutation(
        "a forgotten reference: after a week it is free again",
        work={"forgetting.sql answers": _forget_all_answers},
        plan={**_RIVALS, "days": True},
    ),
    Mutation(
        "a command is repeated after a lost answer although it cannot be",
        Patch(
            f"{_LEDGER}.command_queue",
            "    if not isinstance(error, LostAnswerError):\n        return group\n",
            "    return group\n",
        ),
        plan={**_RIVALS, "lost": 0.3, "seconds": 1.0, "trouble": 0.0},
    ),
    Mutation(
        "a caller is forgotten when its group fails",
        Patch(
            f"{_LEDGER}.command_queue", "            waiting.answer.set_exception(error)\n", "            continue\n"
        ),
        plan={**_TROUBLE, "cuts": 0.2},
    ),
    Mutation(
        "a rail is asked with a key of its own each time",
        Patch(
            "tallystick.services.rails.orders",
            "idempotency_key=idempotency_key(request.transaction_id, request.operation),",
            'idempotency_key=f"{idempotency_key(request.transaction_id, request.operation)}.{request.attempts}",',
        ),
        plan=_TROUBLE,
    ),
    Mutation(
        "a rail's unknown result is taken for a decline",
        Patch(
            "tallystick.services.rails.orders",
            '        log.warning("rail_result_unknown", error=repr(error))\n'
            "        await _put_off(service, request, now, error)\n"
            "        return None\n",
            "        from tallystick.domain.rails.commands import Declined\n"
            '        answer = Declined("TransactionDenied", repr(error))\n',
        ),
        plan=_TROUBLE,
    ),
    Mutation(
        "a rail's lease is taken by a clock that is not believed",
        Patch(
            "tallystick.services.rails.orders",
            "    try:\n        return service.trusted_now()\n",
            "    try:\n        return service.clock()\n",
        ),
        plan={**_TROUBLE, "jumps": 3},
    ),
    Mutation(
        "a notification counts as delivered before it is sent",
        Patch(
            "tallystick.notify.delivery",
            "            status = await safety.post_form(",
            "            await outbox.mark_delivered(self.pool, event, self.clock())\n"
            "            status = await safety.post_form(",
        ),
        plan=_TROUBLE,
    ),
)
"""What `tests/simulation/test_mutations.py` shows caught, each by a few histories."""
