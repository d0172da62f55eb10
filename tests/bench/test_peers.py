"""Peers side by side: found where they are installed, and measured in turn; what is not measured has its reason."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from tests.bench.test_reading import MACHINE, measure

from tallystick.bench.load.programs import output_of
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.peers import localstripe, moto
from tallystick.bench.peers.comparison import PEERS, Comparison, PeerFigure, compare, comparison_lines, comparison_table
from tallystick.bench.peers.hordak import DRIVE
from tallystick.bench.peers.peer import Peer, PeerRate, Surroundings, installed, python_in
from tallystick.bench.peers.server import flooded, serving_peer
from tallystick.bench.plan import Plan
from tallystick.bench.target.server import database_on

URL = "http://127.0.0.1:8400"
HERE = Path(sys.executable)
ADAPTER = """
import pathlib
def prepare(database):
    pathlib.Path(database).write_text("prepared")
def client(database, number):
    assert pathlib.Path(database).read_text() == "prepared"
    if number == {failing}:
        raise RuntimeError("no account for this client")
    return lambda: None
"""


async def _fast(_where: Surroundings, clients: int, seconds: int) -> PeerRate:
    return PeerRate(units=1_000 * clients * seconds, seconds=seconds, p99_ms=2.5)


async def _failing(_where: Surroundings, _clients: int, _seconds: int) -> PeerRate:
    raise LoadError("it has no answer")


@pytest.mark.parametrize("requests", [localstripe.charges(URL, "pm_1"), moto.payments(URL)])
def test_requests_of_peers_are_whole(requests: Iterator[bytes]) -> None:
    for request in islice(requests, 3):
        head, _, body = request.partition(b"\r\n\r\n")
        line, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
        assert line.startswith("POST /")
        assert headers["host"] == "127.0.0.1:8400"
        assert int(headers["content-length"]) == len(body) > 0


def test_each_charge_of_localstripe_has_a_key_of_its_own() -> None:
    first, second = islice(localstripe.charges(URL, "pm_1"), 2)
    assert first != second


async def test_peers_are_found_by_the_names_of_their_packages() -> None:
    known, unknown = (Peer(name=name, install="", compared="") for name in ("msgspec", "no-such-package-of-ours"))
    assert await installed(HERE, [known, unknown]) == {"msgspec": msgspec.__version__}
    assert python_in(None) == HERE
    with pytest.raises(LoadError, match="is no virtual environment"):
        python_in(Path("/nowhere"))


@pytest.mark.parametrize("failing", [-1, 1])
async def test_a_library_is_driven_by_clients_in_several_processes(
    tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adapter_of_a_test.py").write_text(ADAPTER.format(failing=failing), "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    status, output, errors = await output_of(
        HERE, str(DRIVE), "adapter_of_a_test", str(tmp_path / "database"), "3", "0.05"
    )
    if failing >= 0:
        assert status != 0
        assert "no account for this client" in errors
        return
    assert status == 0, errors
    rate = msgspec.json.decode(output, type=PeerRate)
    assert rate.units > 3
    assert rate.seconds > 0


@pytest.mark.usefixtures("needs_wrk")
async def test_a_server_of_a_peer_runs_while_it_is_measured(tmp_path: Path) -> None:
    where = Surroundings(HERE, "", tmp_path)
    async with serving_peer(where, "http.server", "--bind", "127.0.0.1") as url:
        rate = await flooded(url, iter([b"GET / HTTP/1.0\r\n\r\n"] * 5_000), tmp_path, 1, 1)
    assert rate.units > 0
    with pytest.raises(LoadError, match="no_such_module ended with status 1"):
        async with serving_peer(where, "no_such_module"):
            pytest.fail("there is no such module")


@pytest.mark.usefixtures("needs_wrk")
async def test_what_is_installed_is_measured_beside_payments(durable: str, tmp_path: Path) -> None:
    peers = [
        Peer(name="msgspec", install="", compared="nothing much", measure=_fast),
        Peer(name="pytest", install="", compared="less", measure=_failing),
        Peer(name="no-such-package-of-ours", install="pip install it", compared="", measure=_fast),
        Peer(name="rich", install="", compared="", reason="it keeps no accounts"),
    ]
    async with database_on(durable) as dsn:
        plan = Plan(directory=tmp_path, database_url=dsn, instruments=100, sellers=2, seconds=1, rounds=1)
        found = await compare(plan, None, lambda *_: None, peers)

    assert [one.case for one in found.own] == ["pay", "json"]
    assert found.problems == ()
    fast, failing, absent, unable = found.peers
    assert fast.measure is not None
    assert fast.measure.rate == 16_000
    assert fast.measure.p99_ms == 2.5
    assert fast.ratio == found.own[0].rate / 16_000
    assert [one.measure for one in (failing, absent, unable)] == [None] * 3
    assert failing.reason == "it has no answer"
    assert absent.reason == "not installed: pip install it"
    assert unable.reason == "it keeps no accounts"
    assert found.failures == ("pytest: it has no answer",)


def test_a_table_of_ratios_and_what_is_compared() -> None:
    peer = measure("moto", 16, 500, p99_ms=40)
    figures = (
        PeerFigure(name="moto", version="5.0", compared="a fake", measure=peer, ratio=6.0),
        PeerFigure(name="bursar", version=None, compared="", reason="not installed: pip install bursar"),
    )
    own = (measure("pay", 16, 3_000), measure("json", 16, 4_000))
    found = Comparison(machine=MACHINE, clients=16, own=own, peers=figures, problems=())
    console = Console(width=120, record=True, file=StringIO())
    console.print(comparison_table(found))
    rows = [line.split() for line in console.export_text().splitlines()]

    assert ["Tallystick,", "pay", "3,000", "2,700", "3,600", "1.00"] in rows
    assert ["moto", "5.0", "500", "450", "600", "40.0", "6.00"] in rows
    lines = comparison_lines(found)
    assert "moto: a fake" in lines
    assert "bursar was not measured: not installed: pip install bursar" in lines
    assert lines[-1] == "verify: unexplained: 0.00"


def test_every_peer_is_measured_or_says_why_not() -> None:
    assert {peer.name for peer in PEERS} == {"django-hordak", "localstripe", "moto", "bursar"}
    assert all((peer.measure is None) == bool(peer.reason) for peer in PEERS)
