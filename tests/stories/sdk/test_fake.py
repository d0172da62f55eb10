"""The fake of the Python client answers as the service does: the same story in both, answer by answer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.support.shop import Shop

from tallystick.client.hosted_pages import Buyer, authorize
from tallystick_client import AsyncTallystick, ProblemError
from tallystick_client.base import ApiObject
from tallystick_client.objects import Authorization, Transaction
from tallystick_client.testing import FakeTallystick, NotFakedError

BACK = "https://shop.example/back"
_OWN = {
    "id",
    "created_at",
    "completed_at",
    "starts_at",
    "url",
    "idempotency_key",
    "authorization",
    "refunded_transaction",
    "environment",
}
"""Members that say something else in each: names and moments."""
_BOUNDS = ("field", "limit", "available", "largest_amount", "smallest_amount")

Told = list[Any]


class Story:
    """One telling: what happens outside differs, the calls do not. `told`: each answer, without names and moments."""

    def __init__(
        self,
        ts: AsyncTallystick,
        agree: Callable[[Authorization, str], Awaitable[None]],
        rail_answers: Callable[[], Awaitable[None]],
    ) -> None:
        self.ts, self.agree, self.rail_answers = ts, agree, rail_answers
        self.told: Told = []

    async def hears(self, asked: Awaitable[Any]) -> Any:  # noqa: ANN401 - any object; None: refused
        try:
            found = await asked
        except ProblemError as error:
            bounds = {name: getattr(error, name) for name in _BOUNDS}
            known = error.transaction is not None
            self.told.append((error.status, error.code, bounds, known))
            return None
        self.told.append(self.shown(found))
        return found

    def shown(self, found: ApiObject) -> dict[str, Any]:
        members = msgspec.structs.asdict(found)
        present = {f"has {name}": members[name] is not None for name in _OWN & set(members)}
        nested = {name: msgspec.to_builtins(value) for name, value in members.items() if isinstance(value, ApiObject)}
        return {**members, **nested, **present, "replayed": found.replayed} | dict.fromkeys(_OWN & set(members), "")

    async def opened(self, method: str, **terms: Any) -> str:  # noqa: ANN401 - of authorizations.create
        auth = await self.hears(self.ts.authorizations.create(return_url=BACK, **terms))
        await self.agree(auth, method)
        await self.hears(self.ts.authorizations.get(auth.id))
        return str(auth.id)


async def balance(story: Story) -> None:
    ts = story.ts
    pending = await story.hears(ts.authorizations.create(kind="prepaid", limit="5.00", return_url=BACK))
    await story.hears(ts.charges.create(authorization=pending.id, amount="1.00"))
    await story.hears(ts.top_ups.create(authorization=pending.id, amount="1.00"))
    auth = await story.opened("card", kind="prepaid", limit="25.00", description="API credits")
    await story.hears(ts.charges.create(authorization=auth, amount="1.00"))
    for amount in ("10.00", "15.01", "0.00", "0.05", "10000.01"):
        await story.hears(ts.top_ups.create(authorization=auth, amount=amount))
    await story.rail_answers()
    await story.hears(ts.authorizations.get(auth))
    await story.hears(ts.account.get())
    for amount in ("0.005", "0.00", "0.01", "2.345678", "7.70", "7.00", "-1", "1.0000001", "ten"):
        await story.hears(ts.charges.create(authorization=auth, amount=amount, description="songs", note="for us"))
    await story.hears(ts.top_ups.create(authorization=auth, amount="10.009", idempotency_key=f"{auth} again"))
    await story.rail_answers()
    await story.hears(ts.top_ups.create(authorization=auth, amount="10.009", idempotency_key=f"{auth} again"))
    await story.hears(ts.settlements.create(authorization=auth, amount="1.00"))
    await story.hears(ts.write_offs.create(authorization=auth, amount="1.00"))
    await story.hears(ts.authorizations.get(auth))
    await story.hears(ts.account.get())


async def repeats_and_refunds(story: Story) -> None:
    ts = story.ts
    auth = await story.opened("card", kind="prepaid", limit="25.00")
    await story.hears(ts.top_ups.create(authorization=auth, amount="10.00"))
    await story.rail_answers()
    job: dict[str, Any] = {"idempotency_key": f"{auth} job", "authorization": auth}
    charge = await story.hears(ts.charges.create(amount="4.00", **job))
    await story.hears(ts.charges.create(amount="4.00", **job))
    await story.hears(ts.charges.create(amount="4.01", **job))
    await story.hears(ts.top_ups.create(amount="4.00", **job))
    more: dict[str, Any] = {"idempotency_key": f"{auth} much", "authorization": auth}
    await story.hears(ts.charges.create(amount="6.01", **more))  # refused, so the key is not spent
    await story.hears(ts.charges.create(amount="6.00", **more))
    await story.hears(ts.charges.refund(charge.id, amount="1.50", note="broken"))
    await story.hears(ts.charges.refund(charge.id, amount="2.51"))
    await story.hears(ts.charges.refund(charge.id, amount="0.001"))
    await story.hears(ts.refunds.create(transaction=charge.id))
    await story.hears(ts.refunds.create(transaction=charge.id))
    top_up = (await ts.top_ups.list(authorization=auth).page()).data[0]
    await story.hears(ts.refunds.create(transaction=top_up.id))
    await story.hears(ts.charges.get(top_up.id))
    await story.hears(ts.transactions.get(top_up.id))
    await story.hears(ts.authorizations.get(auth))
    wallet: dict[str, Any] = {"kind": "prepaid", "return_url": BACK, "idempotency_key": f"{auth} wallet"}
    await story.hears(ts.authorizations.create(limit="5.00", **wallet))
    await story.hears(ts.authorizations.create(limit="5.00", **wallet))
    await story.hears(ts.authorizations.create(limit="6.00", **wallet))
    story.told.append([one.object async for one in ts.transactions.list(authorization=auth, limit=2)])
    story.told.append([one.amount async for one in ts.charges.list(authorization=auth, status="succeeded")])


async def tab(story: Story) -> None:
    ts = story.ts
    await story.hears(ts.authorizations.create(kind="postpaid", limit="9.00", return_url=BACK))
    await story.hears(ts.authorizations.create(kind="prepaid", limit="9.00", total_limit="9.00", return_url=BACK))
    auth = await story.opened("bank_account", kind="postpaid", limit="100.00", total_limit="160.00")
    for amount in ("40.00", "60.00", "0.01", "100.01"):
        await story.hears(ts.charges.create(authorization=auth, amount=amount))
    await story.hears(ts.settlements.create(authorization=auth, amount="90.00"))
    await story.hears(ts.settlements.create(authorization=auth, amount="10.01"))
    await story.hears(ts.write_offs.create(authorization=auth, amount="10.01"))
    await story.hears(ts.authorizations.get(auth))
    await story.hears(ts.account.get())
    await story.rail_answers()
    await story.hears(ts.authorizations.get(auth))
    charge = await story.hears(ts.charges.create(authorization=auth, amount="5.00"))
    await story.hears(ts.write_offs.create(authorization=auth, amount="12.00", note="ok"))
    await story.hears(ts.charges.refund(charge.id))
    await story.hears(ts.charges.refund(charge.id, amount="3.00"))
    await story.hears(ts.charges.create(authorization=auth, amount="56.00"))
    await story.hears(ts.charges.create(authorization=auth, amount="55.00"))
    await story.hears(ts.authorizations.cancel(auth))
    await story.hears(ts.authorizations.cancel(auth))
    await story.hears(ts.charges.create(authorization=auth, amount="1.00"))
    await story.hears(ts.settlements.create(authorization=auth, amount="55.00"))
    await story.rail_answers()
    await story.hears(ts.settlements.create(authorization=auth, amount="1.00"))
    await story.hears(ts.top_ups.create(authorization=auth, amount="1.00"))
    await story.hears(ts.authorizations.get(auth))
    await story.hears(ts.account.get())


async def test_the_fake_answers_as_the_service_does(shop: Shop, ts: AsyncTallystick) -> None:
    fake = FakeTallystick(clock=lambda: datetime(2026, 12, 1, tzinfo=UTC), slow=True)
    fake.books.smallest_charge = 10_000  # as of the shop's books

    async def agrees_there(auth: Authorization, method: str) -> None:
        buyer = Buyer(f"{secrets.token_hex(8)}@buyer.example", "correct horse battery", "Ada")
        await authorize(str(auth.url), buyer, {"card": "CC", "bank_account": "ACH"}[method], connect_to=shop.url)

    async def agrees_here(auth: Authorization, method: str) -> None:
        fake.agree(auth.id, method=method)

    async def comes_through() -> None:
        fake.come_through()

    for tell in (balance, repeats_and_refunds, tab):
        real = Story(ts, agrees_there, shop.rail_answers)
        made_up = Story(fake.async_client(), agrees_here, comes_through)
        await tell(real)
        await tell(made_up)
        assert len(real.told) > 15
        both = enumerate(zip(real.told, made_up.told, strict=True))
        different = [
            (tell.__name__, number, expected, found) for number, (expected, found) in both if expected != found
        ]
        assert different == [], "\n".join(map(repr, different))


async def test_authorizations_are_read_with_their_charges(shop: Shop, ts: AsyncTallystick) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    charge = await ts.charges.create(authorization=buyer.instrument, amount="1.00")
    assert charge.authorization == buyer.instrument
    refund = await ts.refunds.create(transaction=charge.id, amount="0.25")
    held = await ts.authorizations.get(buyer.instrument)
    whole = await ts.refunds.get(refund.id, expand=["authorization", "refunded_transaction"])
    assert whole.authorization == held
    assert isinstance(whole.refunded_transaction, Transaction)
    assert whole.refunded_transaction.authorization == buyer.instrument
    found = [one async for one in ts.charges.list(expand=["authorization"], authorization=buyer.instrument)]
    assert [one.authorization for one in found] == [held]
    with pytest.raises(NotFakedError):
        FakeTallystick().client().charges.list(expand=["authorization"]).page()
