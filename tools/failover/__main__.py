"""Kill a primary again and again while payments run: .venv/bin/python -m tools.failover --kills 50.

Exit status 1: a payment that was answered is lost, one happened twice, or the books do not balance.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import httpx
from tools.failover.patroni import Cluster, Node, RehearsalError, free_port, remove, running
from tools.failover.payments import PRICE_MICROS, Payments

from tallystick.client.fps import Client, Credentials
from tallystick.client.hosted_pages import Buyer

PAYERS: Final = 8
BETWEEN_SECONDS: Final = (1.0, 4.0)
"""How long payments run, once there are two servers again, before the next kill."""

FROZEN_SECONDS: Final = 30
"""Longer than a primary keeps its lock: the other one takes over, and then the frozen one wakes up."""

KINDS: Final = ("server", "server and Patroni", "freeze", "Patroni", "standby")
_WEIGHTS: Final = (5, 2, 1, 1, 1)

_OWNED: Final = """
SELECT caller_reference, array_agg(transaction_id) AS ids
  FROM transaction WHERE caller_reference LIKE 'pay-%' AND status = 'Success' GROUP BY caller_reference
"""


async def rehearse(kills: int, seed: int) -> list[str]:
    """The whole rehearsal; what was wrong, in words. Raises RehearsalError."""
    directory = Path(tempfile.mkdtemp(prefix="tallystick-failover-"))
    try:
        async with running(directory) as cluster:
            dsn = await _make_database(cluster)
            environment = _environment(directory, dsn)
            async with _serving(environment) as (url, http):
                credentials = await _make_seller(environment)
                payments = Payments(Client(url, credentials, http))
                await payments.open_tab(Buyer("buyer@example.com", "a password of the rehearsal", "Buyer"))
                done = await _kill_and_pay(cluster, payments, kills, random.Random(seed))  # noqa: S311 - repeatable
                return await _account_for(cluster, environment, payments, dsn, done)
    finally:
        remove(directory)


async def _kill_and_pay(cluster: Cluster, payments: Payments, kills: int, chance: random.Random) -> Counter[str]:
    stop, done = asyncio.Event(), Counter[str]()
    payers = [asyncio.create_task(payments.go_on(stop)) for _ in range(PAYERS)]
    try:
        for number in range(1, kills + 1):
            primary, standby = await cluster.primary()
            await asyncio.sleep(chance.uniform(*BETWEEN_SECONDS))
            kind = chance.choices(KINDS, _WEIGHTS)[0]
            before, began = len(payments.acknowledged), time.monotonic()
            await _hit(cluster, kind, primary, standby)
            done[kind] += 1
            await cluster.primary()
            paid = await _until_paid(payments)
            _tell(
                f"{number:3} {kind} of {primary.name}: {time.monotonic() - began:.0f} s to two servers, primary "
                f"{(await cluster.primary())[0].name}; {before} payments before, {paid} now"
            )
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*payers), 300)
    return done


async def _until_paid(payments: Payments) -> int:
    """Wait until a payment is acknowledged that was not before; how many are by then."""
    before = len(payments.acknowledged)
    async with asyncio.timeout(120):
        while len(payments.acknowledged) == before:  # noqa: ASYNC110 - payers do not tell
            await asyncio.sleep(0.1)
    return len(payments.acknowledged)


async def _hit(cluster: Cluster, kind: str, primary: Node, standby: Node) -> None:
    """One blow, as it may come: a server that dies, a machine that is gone, one that stands still for a while."""
    match kind:
        case "server":
            primary.signal_server(signal.SIGKILL)
        case "server and Patroni":
            primary.signal_patroni(signal.SIGKILL)
            primary.signal_server(signal.SIGKILL)
            await _until_it_takes_over(standby, cluster)
            await cluster.start(primary)
        case "freeze":
            primary.signal_patroni(signal.SIGSTOP)
            primary.signal_server(signal.SIGSTOP)
            await asyncio.sleep(FROZEN_SECONDS)
            primary.signal_server(signal.SIGCONT)
            primary.signal_patroni(signal.SIGCONT)
        case "Patroni":
            primary.signal_patroni(signal.SIGKILL)
            await asyncio.sleep(1)
            await cluster.start(primary)
        case "standby":
            standby.signal_server(signal.SIGKILL)
    await asyncio.sleep(1)


async def _until_it_takes_over(standby: Node, cluster: Cluster) -> None:
    async with asyncio.timeout(120):
        while not (await cluster.roles())[standby.name].startswith(("master", "primary")):  # noqa: ASYNC110 - same
            await asyncio.sleep(0.2)


async def _account_for(
    cluster: Cluster, environment: Mapping[str, str], payments: Payments, dsn: str, done: Counter[str]
) -> list[str]:
    """Hold what was answered against what is in the books, by reference."""
    await cluster.primary()
    wrong = list(payments.contradictions)
    connection = await asyncpg.connect(dsn)
    booked = {row["caller_reference"]: row["ids"] for row in await connection.fetch(_OWNED)}
    await connection.close()
    wrong += [f"{reference} is booked {len(ids)} times" for reference, ids in booked.items() if len(ids) > 1]
    for reference, transaction in payments.acknowledged.items():
        if booked.get(reference) != [transaction]:
            wrong.append(f"{reference} was answered with {transaction}, and the books have {booked.get(reference)}")
    wrong += [f"{reference} is booked, and nobody heard" for reference in booked.keys() - payments.acknowledged.keys()]
    debt, due = await payments.debt_micros(), PRICE_MICROS * len(payments.acknowledged)
    if debt != due:
        wrong.append(f"the buyer owes {debt} micro-units instead of {due}")
    status, report = await _run("verify", environment=environment)
    if status != 0:
        wrong.append(report)
    _tell(f"killed: {dict(done)}; calls without a result, asked for again: {dict(payments.trouble)}")
    _tell(f"{len(payments.acknowledged)} payments answered, {len(booked)} booked; {report.splitlines()[-1]}")
    return wrong


# The service.


async def _make_database(cluster: Cluster) -> str:
    admin = await asyncpg.connect(cluster.address("postgres", "postgres"))
    await admin.execute(f"CREATE ROLE tallystick LOGIN PASSWORD '{cluster.password}'")
    await admin.execute("CREATE DATABASE tallystick OWNER tallystick")
    await admin.close()
    return cluster.address("tallystick", "tallystick")


def _environment(directory: Path, dsn: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return ours | {
        "TALLYSTICK_CONFIG": "none",
        "TALLYSTICK_DATABASE_URL": dsn,
        "TALLYSTICK_DATA_DIRECTORY": str(directory / "service"),
        "TALLYSTICK_LOG_LEVEL": "warning",
    }


@asynccontextmanager
async def _serving(environment: Mapping[str, str]) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """A service on the cluster: its address, and a client for it."""
    port = free_port()
    log = (Path(environment["TALLYSTICK_DATA_DIRECTORY"]).parent / "service.log").open("ab")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tallystick", "serve", "--port", str(port), env=environment, stdout=log, stderr=log
    )
    try:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            url = f"http://127.0.0.1:{port}"
            async with asyncio.timeout(60):
                while not await _is_ready(http, url):  # noqa: ASYNC110 - nobody tells us when
                    await asyncio.sleep(0.2)
            yield url, http
    finally:
        server.terminate()
        await server.wait()
        log.close()


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).is_success
    except httpx.HTTPError:
        return False


async def _make_seller(environment: Mapping[str, str]) -> Credentials:
    email = "shop@example.com"
    for command in (
        ("account", "create", "--kind", "business", "--email", email, "--json"),
        ("keys", "create", "--account", email, "--json"),
    ):
        status, out = await _run(*command, environment=environment)
        if status != 0:
            raise RehearsalError(out)
    key = json.loads(out)
    return Credentials(key["access_key_id"], key["secret"])


async def _run(*arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tallystick",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run it. 0: all is accounted for; 1: something is wrong; 2: it cannot be run here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        wrong = asyncio.run(rehearse(given.kills, given.seed))
    except RehearsalError as error:
        _tell(str(error))
        return 2
    for line in wrong:
        _tell(f"BAD {line}")
    _tell("Nothing lost, nothing doubled." if not wrong else f"{len(wrong)} problems.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
