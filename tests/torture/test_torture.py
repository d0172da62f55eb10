"""A short run of the real thing, whose verdict does not depend on time; docs/reliability.md has the long ones."""

from __future__ import annotations

import pytest

from tallystick.torture.faults import Fault
from tallystick.torture.model.history import Shape
from tallystick.torture.report import lines
from tallystick.torture.run import TorturePlan, torture

pytestmark = pytest.mark.timeout(600)


async def test_nothing_is_lost_or_doubled_while_processes_die() -> None:
    """Without cards: after the worker or the database died, their ends may take a minute."""
    deadly = (Fault.KILL_SERVE, Fault.KILL_DATABASE, Fault.CUT_REQUEST, Fault.CUT_ANSWER, Fault.CUT_DATABASE)
    slow = (Fault.FREEZE_SERVE, Fault.SLOW_DATABASE, Fault.DELAY)
    plan = TorturePlan(
        seed=17,
        operations=120,
        faults=(*deadly, *slow),
        processes=2,
        sellers=2,
        buyers=4,
        shape=Shape(rounds=30, cards=0),
        every=(10, 20),
    )

    report = await torture(plan)

    told = "\n".join(lines(report))
    assert report.good, told
    assert report.operations >= 120, told
    assert sum(report.faults.values()) >= 5, told
    assert min(report.faces["query"], report.faces["JSON"]) >= 20, told


async def test_nothing_is_wrong_where_cards_answer_late() -> None:
    report = await torture(
        TorturePlan(seed=36, operations=40, faults=(), processes=1, sellers=1, buyers=3, shape=Shape(rounds=20))
    )

    told = "\n".join(lines(report))
    assert report.good, told
    assert report.answered["Reserve"] >= 5, told  # of the first history of each buyer
    assert not report.unknown, told
