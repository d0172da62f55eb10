"""Many short histories of the whole money path, each another seed; `tools/simulate.py` runs more of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from tests.simulation import money, together
from tests.simulation.connections import Handler
from tests.simulation.history import run_history
from tests.simulation.mutations import REFUNDING
from tests.simulation.plan import plan_of
from tests.simulation.postgres import Record, Transaction
from tests.simulation.processes import Programs

from tallystick.store.ledger.memory.together import STATEMENTS as TOGETHER
from tallystick.store.ledger.statements import MONEY

BLOCKS: Final = 8
SEEDS_OF_BLOCK: Final = 20
ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_history_breaks_a_promise(block: int) -> None:
    faults: Counter[str] = Counter()
    for seed in range(block * SEEDS_OF_BLOCK, (block + 1) * SEEDS_OF_BLOCK):
        result = run_history(plan_of(seed))
        assert not result.problems, f"python tools/simulate.py --first {seed} --histories 1"
        assert result.commits > 0
        faults.update(result.faults)
    assert faults["cuts"] > 0


def test_the_histories_have_all_faults() -> None:
    plans = [plan_of(seed) for seed in range(BLOCKS * SEEDS_OF_BLOCK)]
    for name in ("cuts", "silence", "lost", "trouble", "kills", "restarts", "jumps", "days"):
        assert sum(bool(getattr(plan, name)) for plan in plans) > 10, name
    assert any(plan.processes == 1 for plan in plans)
    assert any(plan.processes > 2 for plan in plans)


def test_payments_of_both_sellers_share_commits() -> None:
    programs, books = Programs(), Counter[int]()

    def counted(text: str) -> Handler:
        inner = programs.statements[text]

        async def count(tx: Transaction, *values: Any) -> list[Record] | int:
            books[len(values[8])] += 1
            return await inner(tx, *values)

        return count

    counting = replace(
        programs, statements={**programs.statements, **{text: counted(text) for text in TOGETHER.values()}}
    )
    busy = [seed for seed in range(BLOCKS * SEEDS_OF_BLOCK) if (plan := plan_of(seed)).busy and not plan.refunding][:6]
    assert [problem for seed in busy for problem in run_history(plan_of(seed), counting).problems] == []
    assert books[2] > 3


def test_refunds_share_commits_with_payments() -> None:
    programs, told = Programs(), Counter[bool]()
    text = MONEY["apply_from_memory_and_refund"]
    inner = programs.statements[text]

    async def counted(tx: Transaction, *values: Any) -> list[Record] | int:
        try:
            rows = await inner(tx, *values)
        except asyncpg.DivisionByZeroError:
            told[False] += 1
            raise
        told[True] += 1
        return rows

    counting = replace(programs, statements={**programs.statements, text: counted})
    plans = [replace(plan_of(seed), **REFUNDING) for seed in range(12)]
    assert [problem for plan in plans for problem in run_history(plan, counting).problems] == []
    assert told[True] > 3
    assert told[False] > 2, "something was not as it had been read"


PROGRAM: Final = """
from tests.simulation.history import run_history
from tests.simulation.plan import plan_of
for seed in (3, 12, 27):
    result = run_history(plan_of(seed))
    print(result.steps, result.statements, result.digest)
"""


def test_a_seed_is_a_history_in_every_process() -> None:
    """Also where the hashes of texts, and with them the order of sets, are others."""
    told = []
    for hashes in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        )
        told.append(done.stdout)
    assert told[0] == told[1]
    assert len(told[0].splitlines()) == 3


def test_every_statement_of_the_money_path_has_its_model() -> None:
    assert money.MODEL.keys() == MONEY.keys()
    assert together.MODEL.keys() == TOGETHER.keys()
