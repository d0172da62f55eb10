"""The service and its peers side by side: a slice of each in every round, on one machine and one database server."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich import box
from rich.table import Table

from tallystick.bench.cases import JSON, PAY
from tallystick.bench.interruption import goes_on_to_report, is_ended_by
from tallystick.bench.load.slices import Slice, together
from tallystick.bench.load.wrk import LoadError, find_wrk
from tallystick.bench.measures import TIMES, Machine, Measure
from tallystick.bench.peers.hordak import HORDAK
from tallystick.bench.peers.localstripe import LOCALSTRIPE
from tallystick.bench.peers.moto import MOTO
from tallystick.bench.peers.peer import Peer, PeerRate, Surroundings, installed, python_in
from tallystick.bench.plan import Plan
from tallystick.bench.proof import BooksProof
from tallystick.bench.rounds import FAILURES, text_of
from tallystick.bench.target.machine import this_machine
from tallystick.bench.target.provisioning import provision
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.server import find_postmaster
from tallystick.bench.target.service import Target
from tallystick.bench.target.serving import serving_service
from tallystick.wiring import database_address, open_service

BURSAR: Final = Peer(
    name="bursar",
    install='pip install "bursar[postgres]"',
    compared="credits taken from a balance in PostgreSQL, by its Python API",
    reason=(
        "its schema needs the extensions pg_jsonschema and pg_partman 5, and PostgreSQL 17 at most: the server that "
        "the service is measured on has neither"
    ),
)
PEERS: Final = (HORDAK, LOCALSTRIPE, MOTO, BURSAR)
CLIENTS: Final = 16


class PeerFigure(Struct, frozen=True, kw_only=True):
    """A peer's figure. `ratio`: Pay beside it. `measure` None: it was not measured, for `reason`."""

    name: str
    version: str | None
    compared: str
    measure: Measure | None = None
    ratio: float | None = None
    reason: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """A whole run. `problems`: what `verify` found in the books afterwards. `failures`: why slices are missing.

    `interrupted`: somebody ended the run early; `verify` did not run then.
    """

    machine: Machine
    clients: int
    own: tuple[Measure, ...]
    peers: tuple[PeerFigure, ...]
    problems: tuple[str, ...]
    failures: tuple[str, ...] = ()
    interrupted: bool = False


@dataclass(slots=True)
class _SideBySide:
    """What was measured so far, by the names of cases and peers."""

    target: Target
    where: Surroundings
    peers: Sequence[Peer]
    slices: defaultdict[str, list[Slice]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, str] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False

    async def everything(self, plan: Plan, progress: Progress) -> None:
        """A slice of everything in each round. Raises LoadError, CancelledError: Pay was not measured."""
        try:
            for number in range(plan.rounds):
                progress("measuring", number, plan.rounds)
                await self._round(plan)
            progress("measuring", plan.rounds, plan.rounds)
        except asyncio.CancelledError:
            if not goes_on_to_report(has_figures=bool(self.slices[PAY.name])):
                raise
            self.interrupted = True
        if not self.slices[PAY.name]:
            raise LoadError(self.failures[PAY.name])

    def measure(self, name: str) -> Measure | None:
        """What all slices of a case or a peer come to; None where there is none."""
        return together(self.slices[name], self.missing[name]) if self.slices[name] else None

    async def _round(self, plan: Plan) -> None:
        for case in plan.cases:
            await self._take(case.name, self.target.slice(case, CLIENTS, plan.slice_seconds))
        for peer in self.peers:
            if peer.measure is not None:
                await self._take(peer.name, _slice(peer.name, peer.measure(self.where, CLIENTS, plan.slice_seconds)))

    async def _take(self, name: str, measuring: Awaitable[Slice]) -> None:
        try:
            self.slices[name].append(await measuring)
        except FAILURES as error:
            if is_ended_by(error):
                raise asyncio.CancelledError from error
            self.failures[name] = text_of(error)
            self.missing[name] += 1


async def compare(
    plan: Plan, environment: Path | None, progress: Progress, peers: Sequence[Peer] = PEERS
) -> Comparison:
    """Measure Pay, a charge in JSON and every peer that can be measured in turn. Raises LoadError and so on."""
    find_wrk()
    python = python_in(environment)
    versions = await installed(python, peers)
    plan = replace(plan, cases=(PAY, JSON))
    async with database_address(plan.settings) as address, open_service(plan.settings) as service:
        version = await service.pool.fetchval("SHOW server_version")
        stock = await provision(service, plan, progress)
        place = plan.directory / "peers"  # once the database has its directory, which it wants empty
        place.mkdir(exist_ok=True)
        async with serving_service(plan) as served:
            postmaster = await find_postmaster(service.pool)
            target = Target(plan.directory, service, served, stock.sellers, postmaster)
            where = Surroundings(python, address.admin, place)
            measuring = _SideBySide(target, where, [peer for peer in peers if peer.name in versions])
            await measuring.everything(plan, progress)
        proof = BooksProof(interrupted=measuring.interrupted)
        await proof.prove(progress, service.pool)
    own = [measure for case in plan.cases if (measure := measuring.measure(case.name)) is not None]
    return Comparison(
        machine=this_machine(version),
        clients=CLIENTS,
        own=tuple(own),
        peers=tuple(_figure(peer, versions.get(peer.name), measuring, own[0].rate) for peer in peers),
        problems=tuple(proof.problems),
        failures=tuple(f"{name}: {why}" for name, why in measuring.failures.items()),
        interrupted=proof.interrupted,
    )


async def _slice(name: str, measuring: Awaitable[PeerRate]) -> Slice:
    rate = await measuring
    return Slice(case=name, clients=CLIENTS, units=rate.units, seconds=rate.seconds, p99_ms=rate.p99_ms)


def _figure(peer: Peer, version: str | None, measuring: _SideBySide, pay: float) -> PeerFigure:
    measure = measuring.measure(peer.name)
    reason = peer.reason or (measuring.failures.get(peer.name, "") if version else f"not installed: {peer.install}")
    return PeerFigure(
        name=peer.name,
        version=version,
        compared=peer.compared,
        measure=measure,
        ratio=pay / measure.rate if measure is not None and measure.rate else None,
        reason=reason,
    )


def comparison_table(found: Comparison) -> Table:
    """A row for the service and for each peer that was measured, with how many times as many Pays there were."""
    table = Table(
        title=f"side by side, {found.clients} clients", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("")
    for name in ("per second", "slowest", "fastest", "p99 ms", f"Pay {TIMES}"):
        table.add_column(name, justify="right")
    rows = [(f"Tallystick, {one.case}", one, found.own[0].rate / one.rate) for one in found.own if one.rate]
    rows += [
        (f"{peer.name} {peer.version}", peer.measure, peer.ratio)
        for peer in found.peers
        if peer.measure is not None and peer.ratio is not None
    ]
    for name, one, ratio in rows:
        rates = (f"{rate:,.0f}" for rate in (one.rate, one.lowest_rate, one.highest_rate))
        table.add_row(name, *rates, "" if one.p99_ms is None else f"{one.p99_ms:,.1f}", f"{ratio:.2f}")
    return table


def comparison_lines(found: Comparison) -> list[str]:
    """What is compared, what was not measured and why, and the result of `verify`."""
    compared = [f"{peer.name}: {peer.compared}" for peer in found.peers if peer.measure is not None]
    missing = [f"{peer.name} was not measured: {peer.reason}" for peer in found.peers if peer.measure is None]
    failures = [f"a slice is missing: {failure}" for failure in found.failures]
    finding = found.problems[0] if found.problems else "unexplained: 0.00"
    if found.interrupted:
        finding = "not verified: the run was interrupted"
    own = "Tallystick: a payment, signed or with a bearer secret, over HTTP, committed durably, once, in double entry"
    return [own, *compared, *missing, *failures, f"verify: {finding}"]
