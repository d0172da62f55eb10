"""Notifications do not go to hosts that another seller has claimed: they would be genuine there, about others."""

from __future__ import annotations

from tests.notify.post_office import PostOffice
from tests.notify.receivers import receiver
from tests.support.books import OpenBooks

from tallystick.store.accounts import return_hosts


async def test_another_sellers_host_gets_nothing(open_shop: OpenBooks) -> None:
    """Named in the request, and set for the seller before the host was claimed."""
    victim, attacker = await open_shop(), await open_shop()
    office, own = PostOffice(attacker), PostOffice(victim)
    pool, host = attacker.pool, "127.0.0.1"
    await return_hosts.ask(pool, victim.party_id, host, "token", victim.clock())
    async with receiver() as shop:
        await office.tell(shop.url)
        await return_hosts.claim(pool, victim.party_id, host, "operator", victim.clock())
        try:
            payments = [await office.slow_funding(notification_url=shop.url), await office.quick_payment()]
            worker = office.worker()
            await worker.notification_sender.dispatch()
            await worker.notification_sender.idle()

            assert shop.received == []
            assert [await office.states(payment) for payment in payments] == [["dead"], ["dead"]]
            errors = await pool.fetch("SELECT last_error FROM outbox WHERE subject_id = ANY($1::text[])", payments)
            assert {row["last_error"] for row in errors} == {"another seller has claimed 127.0.0.1"}

            await own.tell(shop.url)
            mine = await own.quick_payment()
            await worker.notification_sender.dispatch()
            await worker.notification_sender.idle()
            assert [received.form["transactionId"] for received in shop.received] == [mine]
        finally:  # other tests of this database send there
            await return_hosts.release(pool, victim.party_id, host)
