"""What Stripe holds equals the books, and nothing is there twice, although its answers are lost and processes die.

The short form is one of every run. `TALLYSTICK_LONG_TESTS=1` makes it 2,000 charges, which take some minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.conftest import LONG_TESTS, MakeDatabase
from tests.support.stripe.fake import fake_stripe
from tests.support.stripe.faults import Fault
from tests.support.stripe.kills import Plan, compare, kills

from tallystick.store.ledger.verify import verify

LONG = bool(os.environ.get(LONG_TESTS))
PLAN = Plan(seed=18, charges=2_000, kill_every=100, patience_seconds=1_200) if LONG else Plan(seed=18, charges=100)


@pytest.mark.timeout(3_600 if LONG else 600)
async def test_what_stripe_holds_equals_the_books(make_migrated: MakeDatabase, tmp_path: Path) -> None:
    async with fake_stripe() as fake, kills(PLAN, fake, await make_migrated(), tmp_path) as run:
        await run.play()
        fake.proxy.faults.share = 0.0

        compared = await compare(fake, run.service.pool)
        proof = await verify(run.service.pool)

        told = f"{compared.orders} orders, {run.answers} answers, {dict(fake.proxy.faults.happened)}"
        told += f", {dict(fake.hooks.happened)}, serve killed {run.serve.kills} times, worker {run.worker.kills}"
        print(told)  # noqa: T201 - the figures of a long run
        assert compared.differences == [], told
        assert compared.orders >= PLAN.charges, told
        assert compared.taken > compared.given_back > 0, told
        assert len(fake.proxy.faults.happened) >= len(Fault) / 2, told
        assert fake.proxy.faults.happened.total() >= PLAN.charges / 5, told
        assert fake.hooks.happened["lost"] > 0, told
        assert fake.hooks.happened["answered 200"] > 0, told
        assert run.serve.kills >= 1, told
        assert run.worker.kills >= 1, told
        assert proof.problems == [], proof.problems[:5]
