"""The operator gives a statement of the bank, looks at what it would do, and books it."""

from __future__ import annotations

import re
import secrets

import httpx
import pytest
from tests.stories.pages.deeds import payouts as deeds
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import operator, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.processors.statements.lines import MAX_BYTES

PLACE = "/admin/statements?environment=sandbox"


@pytest.fixture
async def admin(world: World) -> Browser:
    return await signed_in(world, await operator(world))


@pytest.fixture
async def scene(world: World, seller: Seller, admin: Browser) -> Scene:
    return Scene(world, seller, seller.party, admin)


async def give(admin: Browser, content: bytes, name: str = "november.csv") -> httpx.Response:
    form = Page(await admin.get(PLACE)).form("/admin/statements")
    fields = {key: value for key, value in form.fields.items() if key != "file"}
    return await admin.post(form.action, fields, ("file", name, content))


async def test_a_statement_is_looked_at_and_then_booked(admin: Browser, scene: Scene) -> None:
    payout = await deeds.under_way(scene)
    day = f"{scene.world.clock():%Y-%m-%d}"
    content = deeds.table_of(f"{day},-20.00,B-77,{payout}", f"{day},-3.00,B-78,")

    looked_at = await give(admin, content)

    shown = Page(looked_at).text
    assert "Nothing is booked yet" in shown
    assert "These arrive" in shown
    assert payout in shown
    assert "B-78" in shown
    assert "Only at the bank" in shown
    assert "State under way" in Page(await admin.get(f"/admin/payouts/{payout}")).text

    booked = Page(await admin.submit(looked_at, "/book")).text
    assert "It is booked." in booked
    assert "3.00" in booked
    of_payout = Page(await admin.get(f"/admin/payouts/{payout}")).text
    assert "State sent" in of_payout
    assert f"{day}: left, 20.00" in of_payout
    assert "november.csv" in Page(await admin.get(PLACE)).text

    back = await admin.submit(await give(admin, deeds.table_of(f"{day},20.00,B-79,{payout}")), "/book")
    assert "Came back" in Page(back).text
    assert "State came back" in Page(await admin.get(f"/admin/payouts/{payout}")).text


async def test_a_fee_that_was_told_before_is_booked_again_only_when_somebody_says_so(
    admin: Browser, scene: Scene
) -> None:
    """On a day of its own: the tests of pages share a database."""
    header, day, first, second = (
        b"date,amount,kind,reference\n",
        "2019-03-05",
        secrets.token_hex(6),
        secrets.token_hex(6),
    )
    amount = f"-{secrets.randbelow(9_000) + 1_000}.17"
    row = f"{day},{amount},fee,"
    await admin.submit(await give(admin, header + f"{row}{first}".encode()), "/book")
    shown = await give(admin, header + f"{row}{second}".encode(), "march.csv")

    assert f"Another fee: {dollars(amount)} USD of {day}, {second}" in Page(shown).text
    assert "Fees 0.00 USD" in Page(shown).text
    kept = await admin.submit(shown, "/book")
    assert "Fees 0.00 USD" in Page(kept).text
    (box,) = re.findall(r'name="(another-[^"]+)"', kept.text)
    both = await admin.submit(kept, "/book", **{box: "yes"})
    assert f"Fees {dollars(amount)} USD" in Page(both).text
    assert "Another fee" not in Page(both).text
    (row_of_log,) = await scene.world.rows(
        "SELECT subject FROM audit_entry WHERE action = 'bank.statement' AND details ->> 'other_fees' = $1",
        box.removeprefix("another-"),
    )
    assert row_of_log["subject"] == "march.csv"


def dollars(amount: str) -> str:
    return f"{float(amount.removeprefix('-')):,.2f}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there is nothing in it"),
        (b"date,amount\n2026-11-28,abc\n", "line 2: not an amount"),
        (b"<!DOCTYPE a><Document/>", "a statement has no document type"),
        (b"date,amount\n" + b" " * MAX_BYTES, "larger than 2 MiB"),
    ],
    ids=["nothing", "no amount", "a document type", "too large"],
)
async def test_what_is_no_statement_says_why(admin: Browser, content: bytes, reason: str) -> None:
    if content.startswith(b"<"):
        pytest.importorskip("lxml")
    refused = await give(admin, content)
    assert refused.status_code == 422
    assert reason in Page(refused).text


async def test_there_is_no_other_statement(admin: Browser) -> None:
    for path in ("sandbox/none", "nowhere/none", "live/none"):
        assert (await admin.get(f"/admin/statements/{path}")).status_code == 404
