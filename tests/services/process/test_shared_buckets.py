"""Processes of one `serve` count callers together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tallystick.services.api.fair_shares import BURST_SECONDS, CallRates
from tallystick.services.process.peer_processes import PeerProcesses
from tallystick.services.process.shared_buckets import FILE, PLACES, SETS, shared_buckets


def rates(directory: Path, kind: str = "keys", now: float = 100.0) -> CallRates:
    return CallRates(5, 5 * BURST_SECONDS, clock=lambda: now, buckets=shared_buckets(directory, kind))


def test_what_one_process_has_counted_another_knows(tmp_path: Path) -> None:
    one, other = rates(tmp_path), rates(tmp_path)
    answers = [(one, other)[number % 2].take("caller") for number in range(14)]
    assert answers == [0] * 10 + [1] * 4
    assert other.take("somebody else") == 0
    assert rates(tmp_path, "addresses").take("caller", 10) == 0, "another kind of caller"
    assert rates(tmp_path, now=101.0).take("caller", 5) == 0, "filled again"


def test_a_process_of_its_own_counts_in_the_same_buckets(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tallystick.services.process.shared_buckets import shared_buckets\n"
        "buckets = shared_buckets(Path(sys.argv[1]), 'keys')\n"
        "before = buckets.full_at('AK1')\n"
        "buckets.spend('AK1', 7.5, 0.0)\n"
        "print(before)\n"
    )
    ours = shared_buckets(tmp_path, "keys")
    ours.spend("AK1", 3.25, 0.0)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)  # noqa: S603 - our own
    assert done.stdout == "3.25\n"
    assert ours.full_at("AK1") == 7.5


def test_more_callers_than_places_forgive_some_and_accuse_nobody(tmp_path: Path) -> None:
    buckets = shared_buckets(tmp_path, "addresses")
    callers = range(SETS * PLACES + 1_000)
    for number in callers:
        buckets.spend(number, 1.0 + number, 0.0)
    assert all(buckets.full_at(number) in {0.0, 1.0 + number} for number in callers)
    assert buckets.full_at(callers[-1]) == 1.0 + callers[-1]
    assert buckets.full_at("unheard of") == 0.0


async def test_the_file_of_buckets_is_no_process(tmp_path: Path) -> None:
    shared_buckets(tmp_path, "keys")
    async with PeerProcesses(tmp_path, "1").answering(lambda: b"told"):
        assert await PeerProcesses(tmp_path, "0").ask() == {"1": b"told"}
        assert (tmp_path / FILE).is_file()
