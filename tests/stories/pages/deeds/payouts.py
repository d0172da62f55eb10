"""Deeds about payouts: in the console, and on the operator's pages."""

from __future__ import annotations

import secrets

from tests.stories.pages.business import paying_customer
from tests.stories.pages.deeds.books import needs_two
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.world import Page
from tests.support.master_key import VAULT

from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.commands import Request, RequestPayout
from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, TransactionId, make_transaction_id
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import Paid, ResolvePayout
from tallystick.services.payouts import bank_statements
from tallystick.store.payouts import destinations, files
from tallystick.store.payouts.files import PayoutFile

IBAN = "DE89 3704 0044 0532 0130 00"
ACCOUNT = BankAccount("Music Shop", iban="DE89370400440532013000")


async def bank_account(scene: Scene) -> None:
    await scene.on("payouts/account", "/account", holder="Music Shop", iban=IBAN)


async def schedule(scene: Scene) -> None:
    await scene.on("payouts", "/schedule", every="week", reserve="10.00")


async def given_account(scene: Scene) -> int:
    """A bank account that can be used at once, and cash to pay out."""
    await (await paying_customer(scene.world, scene.seller)).pay("30")
    now = scene.world.clock()
    async with scene.world.pool.acquire() as connection, connection.transaction():
        return await destinations.give(
            connection,
            VAULT,
            scene.seller.party.party_id,
            "sandbox",
            ACCOUNT,
            made_by=None,
            now=now,
            usable_at=now,
        )


async def ask(scene: Scene) -> None:
    await given_account(scene)
    preview = await scene.look("payouts", "new", amount="20.00")
    await scene.send(preview, "/new")


async def ask_for_approval(scene: Scene) -> None:
    await needs_two(scene)
    await ask(scene)


async def under_way(scene: Scene, rail: str = "manual") -> TransactionId:
    """A payout that waits for people."""
    destination = await given_account(scene)
    at = int(scene.world.clock().timestamp() * 1000)
    entropy = secrets.token_bytes(TRANSACTION_ENTROPY_BYTES)
    request = Request(
        make_transaction_id(scene.seller.book_id, at, entropy),
        scene.seller.party.party_id,
        f"payout-{secrets.token_hex(8)}",
        b"payout",
        scene.world.clock(),
    )
    made = await scene.world.service.committer.perform(
        scene.seller.book_id, RequestPayout(request, 20_000_000, rail, destination)
    )
    assert isinstance(made, Accepted)
    return made.transaction_id


async def sent(scene: Scene) -> None:
    payout = await under_way(scene)
    await scene.send(await scene.browser.get(f"/admin/payouts/{payout}"), "/sent", bank_reference="B-1")


async def failed(scene: Scene) -> None:
    payout = await under_way(scene)
    await scene.send(await scene.browser.get(f"/admin/payouts/{payout}"), "/failed", failed_reason="no such account")


async def returned(scene: Scene) -> None:
    payout = await under_way(scene)
    await scene.world.service.committer.perform(scene.seller.book_id, ResolvePayout(payout, Paid(), "B-1"))
    page = await scene.browser.get(f"/admin/payouts/{payout}")
    await scene.send(page, "/returned", returned_reason="closed")


async def file(scene: Scene) -> None:
    """The page offers it where the setting says so: here the form is sent as that page has it."""
    await under_way(scene, "file")
    token = (await scene.browser.form_header())["x-csrftoken"]
    done = await scene.browser.post("/admin/payout-files", {"_csrf_token": token, "environment": "sandbox"})
    assert done.status_code == 200, Page(done).text


async def file_sent(scene: Scene) -> None:
    payout, name = await under_way(scene, "file"), secrets.token_hex(12)
    kept = PayoutFile(name, "sandbox", 1, 20_000_000, scene.world.clock())
    async with scene.world.pool.acquire() as connection, connection.transaction():
        await files.add(connection, VAULT, kept, b"<Document/>", None)
        await connection.execute("UPDATE payout SET message_id = $2 WHERE transaction_id = $1", payout, name)
    await scene.send(await scene.browser.get("/admin/payouts?environment=sandbox"), f"/{name}/sent")


def table_of(*entries: str) -> bytes:
    """A statement of the bank; each entry: day, amount, reference, end-to-end id."""
    return "\n".join(("date,amount,reference,end_to_end_id", *entries)).encode()


async def statement(scene: Scene) -> Page:
    """A statement with one entry that belongs to nothing of ours."""
    page = await scene.browser.get("/admin/statements?environment=sandbox")
    form = Page(page).form("/admin/statements")
    content = table_of(f"{scene.world.clock():%Y-%m-%d},-1.00,{secrets.token_hex(8)},")
    fields = {name: value for name, value in form.fields.items() if name != "file"}
    sent = await scene.browser.post(form.action, fields, ("file", "november.csv", content))
    assert sent.status_code == 200, Page(sent).text
    return Page(sent)


async def book_statement(scene: Scene) -> None:
    """One that was given before."""
    content = table_of(f"{scene.world.clock():%Y-%m-%d},-1.00,{secrets.token_hex(8)},")
    (given,) = await bank_statements.take_in(scene.world.service, "sandbox", content, "november.csv")
    await scene.send(await scene.browser.get(f"/admin/statements/sandbox/{given.statement_id}"), "/book")
