"""Money at rails and banks in every state: disputes, payouts, days of rails with findings of each kind."""

from __future__ import annotations

from datetime import date
from typing import Final

from tests.stories.pages.access_table import DESK
from tests.stories.pages.business import paying_customer
from tests.stories.pages.deeds import payouts
from tests.stories.pages.deeds.operator import found_again, lost_order
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import at_work, console, operator, signed_in
from tests.stories.pages.rooms.room import Showroom
from tests.stories.pages.world import Browser
from tests.support.owner import execute_as_owner

from tallystick.domain.commands import Method
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.reconciliation import DayReport, Finding, FindingKind
from tallystick.services.disputes import sandbox
from tallystick.services.operations.audit import Actor
from tallystick.services.payouts import desk
from tallystick.services.payouts.payouts import PayoutRecord
from tallystick.store.ledger.create_book import operator_book
from tallystick.store.rails import reconciliations
from tallystick.store.rails.reconciliations import RailBook

STAFF: Final = Actor(None, "tests")
DAY: Final = date(2020, 2, 29)
"""Of a rail that is not there, so that nobody takes it for one of theirs."""

TOLD: Final = (
    (DisputeStatus.OPENED, DisputeStatus.EVIDENCE_DUE),
    (DisputeStatus.OPENED, DisputeStatus.WON),
    (DisputeStatus.OPENED, DisputeStatus.LOST),
)


async def in_every_state(room: Showroom) -> None:
    """Everything, as owners and operators see it."""
    owner = await at_work(room.world, room.seller)
    runs_it = await signed_in(room.world, await operator(room.world))
    await _disputes(room, owner)
    await _payouts(room, owner, runs_it)
    await _reconciled(room, runs_it)
    await _lost(room, owner, runs_it)


async def _disputes(room: Showroom, owner: Browser) -> None:
    for told in TOLD:
        charge = await (await paying_customer(room.world, room.seller, Method.CC)).pay(
            "5", SenderDescription="A record"
        )
        await room.world.rail_answers()
        for status in told:
            moved = await sandbox.move(room.world.service, STAFF, TransactionId(charge), status)
        path = console(room.seller, "disputes", moved.transaction_id)
        await room.look(owner, f"GET {DESK}/disputes/{{dispute_id}}", path, told[-1].value)
    await room.look(owner, f"GET {DESK}/disputes", console(room.seller, "disputes"), "each status")


async def _payouts(room: Showroom, owner: Browser, runs_it: Browser) -> None:
    world, scene = room.world, Scene(room.world, room.seller, room.seller.party, owner)
    service = world.configured(payout_sender_name="Tallystick", payout_sender_iban="DE02120300000000202051")
    made = {state: await payouts.under_way(scene) for state in ("waiting", "sent", "not sent", "sent back")}
    made["in a file"] = await payouts.under_way(scene, "file")
    await desk.make_file(service, STAFF, "sandbox")
    for state in ("sent", "sent back"):
        await desk.mark_sent(service, STAFF, await _payout(room, made[state]), "B-4711")
    await desk.mark_failed(service, STAFF, await _payout(room, made["not sent"]), "The bank does not take the account")
    await desk.mark_returned(service, STAFF, await _payout(room, made["sent back"]), "The account is closed")
    for state, payout_id in made.items():
        await room.look(runs_it, "GET /admin/payouts/{payout}", f"/admin/payouts/{payout_id}", state)
    await room.look(runs_it, "GET /admin/payouts", "/admin/payouts?environment=sandbox", "each state")
    await room.look(owner, f"GET {DESK}/payouts", console(room.seller, "payouts"), "each state")


async def _lost(room: Showroom, owner: Browser, runs_it: Browser) -> None:
    lost = await lost_order(Scene(room.world, room.seller, room.seller.party, owner))
    await room.look(runs_it, "GET /admin/rails", "/admin/rails?only=unknown", "an order that was lost")
    await room.look(
        runs_it, "GET /admin/rails/end", f"/admin/rails/end?transaction={lost}&operation=charge", "a charge"
    )
    await found_again(room.world, lost)


async def _payout(room: Showroom, payout_id: TransactionId) -> PayoutRecord:
    found = await desk.find(room.world.service, payout_id)
    assert found is not None
    return found


async def _reconciled(room: Showroom, runs_it: Browser) -> None:
    """A day with a finding of each kind. It is kept for this look only: other tests add up what is unexplained."""
    findings = tuple(
        Finding(kind, f"ch_3PqZ8{number}LkdIwHu7ix0VDJ5cQm", "re_3PqZ8LkdIwHu7ix1" if number % 2 else None, there, here)
        for number, (kind, there, here) in enumerate((kind, 12_500_000, 2_500_000) for kind in FindingKind)
    )
    report = DayReport(DAY, 1_204, 1_250_000_000, 36_250_000, 900_000_000, findings)
    now = room.world.clock()
    async with room.world.pool.acquire() as connection, connection.transaction():
        place = RailBook(await operator_book(connection, "sandbox", now), "shown", "sandbox")
        await reconciliations.keep(connection, place, report, now)
    try:
        await room.look(runs_it, "GET /admin/reconciliation", "/admin/reconciliation", "findings of each kind")
    finally:
        forget = "DELETE FROM rail_reconciliation WHERE rail = 'shown' AND day = $1"
        await execute_as_owner(room.world.pool, forget, DAY)
