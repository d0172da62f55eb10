"""django-hordak: double entry in Django, as a library on a database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tallystick.bench.load.programs import output_of
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.peers.peer import Peer, PeerRate, Surroundings
from tallystick.bench.target.databases import recreated

DATABASE: Final = "tallystick_bench_peer"
DRIVE: Final = Path(__file__).parent / "programs" / "drive.py"


async def _measure(where: Surroundings, clients: int, seconds: int) -> PeerRate:
    async with recreated(where.server, DATABASE) as dsn:
        status, output, errors = await output_of(
            where.python, str(DRIVE), "hordak_transfers", dsn, str(clients), str(seconds)
        )
    if status != 0:
        raise LoadError(f"django-hordak failed: {errors.strip()[-300:]}")
    return msgspec.json.decode(output.strip().rpartition("\n")[2], type=PeerRate)


HORDAK: Final = Peer(
    name="django-hordak",
    install="pip install django-hordak psycopg2-binary",
    compared=(
        "a transfer of a cent between two accounts in PostgreSQL, by its Python API in processes of its own, one for "
        "each processor; no HTTP, no signature, no reference that makes it happen once, no limits, no balance kept"
    ),
    measure=_measure,
)
