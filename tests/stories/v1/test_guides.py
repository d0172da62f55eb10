"""The guides of docs/guides: their programs do what they say, in Python and signed by hand."""

from __future__ import annotations

import asyncio
import re
import shlex

import pytest
from tests.stories.api.causes.provoking import other_shop, payer
from tests.stories.v1.conftest import Program
from tests.support.guides import Guide
from tests.support.paths import ROOT
from tests.support.shop import Shop, usd

from tallystick.domain.commands import InstallToken, Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import IdKind, TokenId
from tallystick.domain.outcomes import Done
from tallystick.services.charges.charge_rules import usual_smallest_charge
from tallystick.store.charges import charge_rules

PROGRAMS = ("sell-credits.md", "run-a-tab.md", "charge-per-call.md", "subscriptions.md")
MARKETPLACE = (ROOT / "docs" / "guides" / "marketplace.md").read_text("utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_guide_does_what_it_says(program: Program, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shop = program.shop
    if name == "charge-per-call.md":  # as a sandbox is opened
        usual = usual_smallest_charge(shop.service, SANDBOX)
        async with shop.service.pool.acquire() as connection, connection.transaction():
            await charge_rules.set_smallest_charge(connection, [shop.books.book_id], usual)
    monkeypatch.setenv("API_KEY", program.secret)
    guide = Guide(name)
    assert guide.told
    running = asyncio.create_task(asyncio.to_thread(guide.run, shop.url))
    while not running.done():
        await shop.rail_answers()
        await asyncio.sleep(0.02)
    assert await running == guide.told
    await shop.rail_answers()


def test_every_guide_with_a_program_is_run() -> None:
    there = {path.name for path in (ROOT / "docs" / "guides").glob("*.md") if "```python" in path.read_text("utf-8")}
    assert there == set(PROGRAMS)


def lines(word: str) -> list[dict[str, str]]:
    """The parameters of what the guide to marketplaces has signed: links, or calls of the API."""
    parts = re.findall(r"^```text\n(.*?)\n```$", MARKETPLACE, re.DOTALL | re.MULTILINE)
    typed = [shlex.split(part.replace("\\\n", " ")) for part in parts]
    return [dict(one.split("=", 1) for one in words[1:]) for words in typed if words[0] == word]


async def test_a_marketplace_takes_its_share(shop: Shop) -> None:
    seller = await other_shop(shop)
    link, paying_link = lines("link")
    pay, refund = lines("api")
    terms = TokenTerms(
        max_fixed_fee_micros=usd(link["maxFixedFee"]), max_variable_fee_ppm=int(link["maxVariableFee"]) * 10_000
    )
    recipient = TokenId(shop.books.token(IdKind.RECIPIENT))
    joined = InstallToken(
        token_id=recipient,
        purpose=TokenPurpose.RECIPIENT,
        token_type=TokenType.UNRESTRICTED,
        sender_id=seller.key.party_id,
        caller_reference=link["callerReference"],
        method=None,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        terms=terms,
    )
    assert await shop.books.perform(joined) == Done()
    assert paying_link["transactionAmount"] == pay["TransactionAmount.Value"]
    sender = (await payer(shop, Method.ABT)).spending

    given: dict[str, str] = {"SENDER": sender, "RECIPIENT": recipient}
    paid = await shop.done("Pay", {name: given.get(value, value) for name, value in pay.items() if name != "Action"})

    told = re.search(r"which is ([\d.]+);.* is ([\d.]+), and the seller.* has ([\d.]+)\.", MARKETPLACE)
    assert told is not None
    ours, fee, theirs = map(usd, told.groups())
    assert (await shop.cash(), await seller.cash()) == (ours, theirs)
    assert ours + fee + theirs == usd("20.00")

    given = {"TRANSACTION": paid.value("TransactionId")}
    await shop.done("Refund", {name: given.get(value, value) for name, value in refund.items() if name != "Action"})
    assert await shop.cash() == 0
    too_much = {name: given.get(value, value) for name, value in pay.items() if name != "Action"}
    too_much |= {"SenderTokenId": (await payer(shop, Method.ABT)).spending, "RecipientTokenId": recipient}
    too_much |= {"CallerReference": "too-much", "MarketplaceVariableFee": "6"}
    assert await shop.refused("Pay", too_much) == "IncompatibleTokens"
