"""The worker: loops that work when something is due. `step()` runs each of them once, so that tests can drive it.

Whether anything is due is one question for all loops, asked again and again: most of the time nothing is, and a
statement of each loop cost more than the payments of a lonely client. docs/decisions/212-the-worker-asks-once.md.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.notify.delivery import NotificationSender
from tallystick.notify.mail import LIFETIME as LETTERS_SENT_FOR
from tallystick.notify.mail import MailSender
from tallystick.notify.webhooks import WebhookSender
from tallystick.processors.payout_rail import PayoutRail
from tallystick.processors.rails import Rails
from tallystick.services.buyer import redemption
from tallystick.services.charges.dust import write_off_due
from tallystick.services.context import Service
from tallystick.services.disputes.dues import collect_dues
from tallystick.services.disputes.letters import write_letters
from tallystick.services.events.low_balances import tell_low_balances
from tallystick.services.events.numbering import expire_authorizations, number_waiting
from tallystick.services.operations import audit_chains
from tallystick.services.operations.housekeeping import add_up_figures, expire_transactions, forget_expired
from tallystick.services.operations.running_proof import ContinuousProver
from tallystick.services.operations.verification import prove_if_due
from tallystick.services.payouts.calendar import pay_by_calendar
from tallystick.services.payouts.sending import send_payouts
from tallystick.services.rails import events
from tallystick.services.rails.orders import ask_rails
from tallystick.services.rails.reconciliation import reconcile_if_due
from tallystick.store.queries.queues import due_loops

_FORGET_EVERY: Final = timedelta(minutes=10)
_ANCHOR_EVERY: Final = timedelta(minutes=1)
_COLLECT_EVERY: Final = timedelta(minutes=1)
_EXPIRE_EVERY: Final = timedelta(seconds=30)  # how often it is looked which authorizations have expired
_LOW_EVERY: Final = timedelta(seconds=10)  # how often it is looked which balances have become low
_DUST_EVERY: Final = timedelta(minutes=1)  # how often it is looked whether the day of a book has come
_RECONCILE_EVERY: Final = timedelta(minutes=30)  # how often it is looked whether a day is due, and a rail tried again
_UNASKED_SECONDS: Final = 10.0
"""A loop works so often although nothing is known to be due: for what goes by the clock, and so that what the question
might miss is late, not lost."""
_OFTEN_SECONDS: Final = 2.5  # the same for what is promised every few seconds
_CHAIN_SECONDS: Final = 1.0  # between two rounds of chaining: nobody waits for it, and many rows at once cost less
_GATHER_SECONDS: Final = 0.02  # lets several slots become free, so that one query for due events fills them all

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WorkerLoop:
    """What is done again and again. `name`: in the meter, and in what `due_loops` tells; `asked`: something is due.

    `every_seconds`: how often it works unasked; `pause_seconds`: how long it rests at least.
    """

    name: str
    work: Callable[[], Awaitable[int]] = field(repr=False)
    every_seconds: float = _UNASKED_SECONDS
    pause_seconds: float = 0.0
    asked: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, repr=False)
class Worker:
    """Any number of workers may run at once: each rail request and each notification is claimed by one of them."""

    service: Service
    rails: Rails
    payout_rails: Mapping[str, PayoutRail] = field(default_factory=dict)
    notification_sender: NotificationSender = field(init=False)
    mail_sender: MailSender = field(init=False)
    webhook_sender: WebhookSender = field(init=False)
    prover: ContinuousProver = field(init=False)
    _forgot_at: datetime | None = field(default=None)
    _anchored_at: datetime | None = field(default=None)
    _collected_at: datetime | None = field(default=None)
    _reconciled_at: datetime | None = field(default=None)
    _dusted_at: datetime | None = field(default=None)
    _expired_at: datetime | None = field(default=None)
    _looked_for_low_at: datetime | None = field(default=None)

    def __post_init__(self) -> None:
        service = self.service
        self.prover = ContinuousProver(service)
        self.notification_sender = NotificationSender(
            service.pool, service.vault, service.settings, service.trusted_now, tracing=service.tracing
        )
        self.webhook_sender = WebhookSender(
            service.pool, service.vault, service.settings, service.trusted_now, tracing=service.tracing
        )
        self.mail_sender = MailSender(service.pool, service.vault, service.settings, service.trusted_now)

    async def step(self) -> int:
        """Run every loop once and wait until its work is done; return how many pieces of work there were."""
        asked = await self.ask_rails() + await self.follow_up_events() + await self.disputes()
        asked += await self.pay_out() + await self.redeem() + await self.write_off_dust()
        asked += await self.number_events()
        sent = await self.notification_sender.dispatch() + await self.mail_sender.dispatch()
        sent += await self.webhook_sender.dispatch()
        await self.notification_sender.idle()
        await self.webhook_sender.idle()
        await self.chain()
        await self.forget()
        return asked + sent + await prove_if_due(self.service) + await add_up_figures(self.service)

    async def ask_rails(self) -> int:
        """Send the rail requests that are due, then expire the transactions that are past their deadline."""
        try:
            asked = await ask_rails(self.service, self.rails)
        finally:
            ended = await expire_transactions(self.service)
        return asked + ended

    async def number_events(self) -> int:
        """Give what has happened its numbers.

        Every _EXPIRE_EVERY, find what has come to its end by itself; every _LOW_EVERY, balances that have become low.
        """
        now, found = self.service.clock(), 0
        if _is_time(self._expired_at, now, _EXPIRE_EVERY):
            found += await expire_authorizations(self.service)
            self._expired_at = now
        if _is_time(self._looked_for_low_at, now, _LOW_EVERY):
            found += await tell_low_balances(self.service)
            self._looked_for_low_at = now
        return found + await number_waiting(self.service)

    async def pay_out(self) -> int:
        """Ask for the payouts whose day has come, and send those that are due."""
        return await pay_by_calendar(self.service) + await send_payouts(self.service, self.payout_rails)

    async def redeem(self) -> int:
        """Pay back what buyers have asked for and a process that died has left."""
        return await redemption.go_on(self.service)

    async def follow_up_events(self) -> int:
        """Look at what rails have sent events about."""
        return await events.follow_up(self.service, self.rails)

    async def chain(self) -> int:
        """Chain what was written to the audit log and agreed to; how much. Look for ends to anchor in _ANCHOR_EVERY."""
        chained = await audit_chains.chain_waiting(self.service)
        now = self.service.clock()
        if _is_time(self._anchored_at, now, _ANCHOR_EVERY):
            await audit_chains.anchor(self.service)
            self._anchored_at = now
        return chained

    async def disputes(self) -> int:
        """Write to sellers about disputes; every _COLLECT_EVERY, take from their cash what they owe for them."""
        written = await write_letters(self.service)
        now = self.service.clock()
        if not _is_time(self._collected_at, now, _COLLECT_EVERY):
            return written
        collected = await collect_dues(self.service)
        self._collected_at = now
        return written + collected

    async def write_off_dust(self) -> int:
        """Write off debts of less than a cent in books whose day has come; look for such in _DUST_EVERY."""
        now = self.service.clock()
        if not _is_time(self._dusted_at, now, _DUST_EVERY):
            return 0
        self._dusted_at = now
        return await write_off_due(self.service)

    async def reconcile(self) -> int:
        """Hold days of rails that are due against the books; look for them in _RECONCILE_EVERY. No part of `step`."""
        now = self.service.clock()
        if not _is_time(self._reconciled_at, now, _RECONCILE_EVERY):
            return 0
        self._reconciled_at = now
        return await reconcile_if_due(self.service, self.rails)

    async def forget(self) -> int:
        """Delete what has expired, at most once in _FORGET_EVERY. Not counted as work."""
        now = self.service.clock()
        if _is_time(self._forgot_at, now, _FORGET_EVERY) and await forget_expired(self.service):
            self._forgot_at = now
        return 0

    async def run(self, stop: asyncio.Event) -> None:
        """Run all loops until `stop` is set. A round that fails is logged, and its loop goes on.

        None begins while the clock is not trusted: a lease or a further try that it dates would last as long as it is
        wrong.

        Notifications, mail, verification, totals, chains and deletion have loops of their own, so that a slow receiver
        or a long verification of the books never delays payments.
        """
        loops = self.loops(stop)
        try:
            await asyncio.gather(self._ask(loops, stop), *(self._repeat(loop, stop) for loop in loops))
        finally:
            await asyncio.gather(self.notification_sender.close(), self.webhook_sender.close())

    def loops(self, stop: asyncio.Event) -> Sequence[WorkerLoop]:
        """All loops, each with its own work."""
        proof_seconds = self.service.settings.running_proof_seconds or _UNASKED_SECONDS
        return (
            WorkerLoop("rails", self.ask_rails, every_seconds=_OFTEN_SECONDS),  # what ends by its book's clock, too
            WorkerLoop("payouts", self.pay_out),
            WorkerLoop("redemptions", self.redeem),
            WorkerLoop("rail_events", self.follow_up_events),
            WorkerLoop("notifications", functools.partial(self._deliver, stop, self.notification_sender)),
            WorkerLoop("events", self.number_events, every_seconds=_OFTEN_SECONDS),
            WorkerLoop("webhooks", functools.partial(self._deliver, stop, self.webhook_sender)),
            WorkerLoop("disputes", self.disputes),
            WorkerLoop("chains", self.chain, pause_seconds=_CHAIN_SECONDS),
            WorkerLoop("mail", self.mail_sender.dispatch),
            WorkerLoop("proofs", functools.partial(prove_if_due, self.service)),
            # by the clock alone
            WorkerLoop("dust", self.write_off_dust),
            WorkerLoop("reconciliation", self.reconcile),
            WorkerLoop("forgetting", self.forget),
            WorkerLoop("running_proof", self.prover.go_on, every_seconds=proof_seconds),
            WorkerLoop("figures", functools.partial(add_up_figures, self.service), every_seconds=_OFTEN_SECONDS),
        )

    async def _deliver(self, stop: asyncio.Event, sender: NotificationSender | WebhookSender) -> int:
        """Claim and send without a pause while events are due: each delivery that ends frees a slot for the next."""
        sent = 0
        while not stop.is_set() and (started := await sender.dispatch()):
            sent += started
            await sender.slot_free(self._pause_seconds)
            await asyncio.sleep(_GATHER_SECONDS)
        return sent

    async def _ask(self, loops: Sequence[WorkerLoop], stop: asyncio.Event) -> None:
        """Ask again and again which loops have something to do. Where that fails, all have: each sees what is wrong."""

        async def ask() -> int:
            due = await self.due()
            for loop in loops:
                if loop.name in due:
                    loop.asked.set()
            return 0

        while not stop.is_set():
            if await self._round("questions", ask) is None:
                _ask_all(loops)
            await _until(stop, self._pause_seconds)
        _ask_all(loops)  # so that each sees that it is over

    async def due(self) -> frozenset[str]:
        """Names of loops that would find something now. Raises WrongClockError."""
        now = self.service.trusted_now()
        return await due_loops(
            self.service.pool,
            now,
            redemptions_before=now - redemption.LEASE,
            letters_after=None if self.service.settings.smtp_url is None else now - LETTERS_SENT_FOR,
        )

    async def _repeat(self, loop: WorkerLoop, stop: asyncio.Event) -> None:
        """Work when it is asked for, and every so often; where there was work, again after the setting's pause."""
        while not stop.is_set():
            loop.asked.clear()
            pieces = await self._round(loop.name, loop.work)
            await _until(stop, loop.pause_seconds)
            await _until(loop.asked, self._pause_seconds if pieces else max(loop.every_seconds, self._pause_seconds))

    async def _round(self, name: str, work: Callable[[], Awaitable[int]]) -> int | None:
        """Do `work` once; how many pieces there were. None: it failed, which is logged, or the clock is not trusted."""
        try:
            self.service.trusted_now()
            pieces = await work()
        except WrongClockError:
            self.service.meter.failed(name)  # the watch has logged it, once
            return None
        except Exception as error:  # noqa: BLE001 - a bug in one round must not end the worker
            self.service.damage.note(error)
            self.service.meter.failed(name)
            _log.exception("worker_pass_failed", loop=name)
            return None
        self.service.meter.worked(name, pieces)
        return pieces

    @property
    def _pause_seconds(self) -> float:
        return self.service.settings.worker_interval_ms / 1000


def _is_time(last: datetime | None, now: datetime, every: timedelta) -> bool:
    """Whether `every` has passed since `last`.

    Also when it is negative: the clock was set back, and waiting until it has caught up could take for ever.
    """
    return last is None or not timedelta(0) <= now - last < every


def _ask_all(loops: Sequence[WorkerLoop]) -> None:
    for loop in loops:
        loop.asked.set()


async def _until(event: asyncio.Event, at_most_seconds: float) -> None:
    """Wait until it is set, or for so long."""
    if at_most_seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                await event.wait()
