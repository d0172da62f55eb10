"""What staff and operators have done before their pages are looked at: something is on every one of them."""

from __future__ import annotations

import secrets
from datetime import timedelta

from tests.stories.pages.business import disputed, paying_customer, postpaid_customer, prepaid_customer
from tests.stories.pages.deeds import payouts, webhooks
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import at_work, console, employee
from tests.stories.pages.world import Seller, World

from tallystick.domain.commands import Method
from tallystick.domain.rails.commands import RailOperation
from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.operations.verification import prove_if_due
from tallystick.services.payouts import bank_statements
from tallystick.services.process.heartbeat import Heartbeat
from tallystick.services.seller.staff import StaffRole
from tallystick.store.rails import ordered_faults
from tallystick.store.records import approvals, verification_runs


async def done_by_staff(world: World, seller: Seller) -> dict[str, str]:
    """Ids of a debt, a run over another one, a fault on order and a colleague."""
    debts = [await postpaid_customer(world, seller) for _ in range(2)]
    for customer in debts:
        await customer.pay("12", SenderDescription="Two records")
    await (await prepaid_customer(world, seller)).pay("1.50")
    dispute = await disputed(world, seller)
    await (await paying_customer(world, seller, Method.CC)).pay("3")  # its rail has not answered yet
    owner = await at_work(world, seller)
    path = f"{console(seller, 'debts', 'preview')}?deed=settle&debt={debts[0].instrument}"
    run = await owner.submit(await owner.get(path), "/runs")
    fault = await ordered_faults.place(
        world.pool, seller.book_id, RailOperation.REFUND, "TransactionDenied", world.clock()
    )
    approval = await asked_for(world, seller, {str(debts[1].instrument): 12_000_000})
    scene = Scene(world, seller, seller.party, owner)
    payout = await payouts.under_way(scene)
    endpoint = await webhooks.endpoint_of(world, seller, description="Ledger of the shop")
    await scene.given_up_delivery(endpoint.endpoint_id)
    return {
        "endpoint_id": endpoint.endpoint_id,
        "payout": payout,
        "approval_id": approval,
        "dispute_id": dispute,
        "debt": str(debts[1].instrument),
        "customer": str(debts[1].buyer.party_id),
        "run_id": str(run.url).rpartition("/")[2],
        "fault_id": fault,
        "access_key_id": seller.key.access_key_id,
        "person": str((await employee(world, seller, StaffRole.VIEWER)).party_id),
    }


async def asked_for(world: World, seller: Seller, debts: dict[str, int]) -> str:
    """The id of what somebody of the staff asked a second person for: writing debts off, in micro-units."""
    asker, approval_id = await employee(world, seller, StaffRole.FINANCE), f"console-{secrets.token_hex(10)}"
    await approvals.ask(
        world.pool,
        approval_id,
        seller.party.party_id,
        "sandbox",
        deed="write_off",
        amount_micros=sum(debts.values()),
        content={"amounts": debts},
        asked_by=asker.party_id,
        asked_at=world.clock(),
        expires_at=world.clock() + timedelta(days=7),
    )
    return approval_id


async def done_by_the_operator(world: World, seller: Seller) -> dict[str, str]:
    """A proof of the books, a letter, events given up, a rail that does not answer, a pulse."""
    slow = "TimeoutError: no answer in 10 s"
    await world.pool.execute("UPDATE outbox SET state = 'dead', last_error = $1 WHERE state = 'waiting'", slow)
    await world.pool.execute("UPDATE rail_request SET last_error = $1, attempts = 2", slow)
    await mail.post(world.service, "ann@buyer.example", Letter("A letter", "Dear Ann,\n\nthis is a letter.\n"))
    await Heartbeat(world.service, "API and worker").beat()
    await verification_runs.ask(world.pool, None, world.clock())
    await prove_if_due(world.service)
    (letter,) = await world.rows("SELECT max(mail_id) AS number FROM mail")
    statement = payouts.table_of(f"{world.clock():%Y-%m-%d},-7.00,B-100,")
    (given,) = await bank_statements.take_in(world.service, "sandbox", statement, "november.csv")
    return {
        "environment": "sandbox",
        "statement_id": given.statement_id,
        "account": str(seller.party.party_id),
        "run": str((await verification_runs.latest(world.pool, 1))[0].run_id),
        "letter": str(letter["number"]),
    }
