"""A peer: what it is, what of it is measured, and how it is found."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tallystick.bench.load.programs import output_of
from tallystick.bench.load.wrk import LoadError

_VERSIONS: Final = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class PeerRate(Struct, frozen=True, kw_only=True):
    """What a peer did: so many in so many seconds; `p99_ms`: the 99th percentile of how long one took."""

    units: int
    seconds: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a peer is measured in. `python`: the interpreter that has it; `server`: the database server, as superuser.

    `directory`: an empty one that it may use.
    """

    python: Path
    server: str
    directory: Path


Measuring = Callable[[Surroundings, int, int], Awaitable[PeerRate]]
"""Measure with so many clients for so many seconds. Raises LoadError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program of others. `compared`: what one of its figure is, and what it does not do.

    `measure`: None where it cannot be run beside the service, for `reason`.
    """

    name: str
    install: str
    compared: str
    measure: Measuring | None = None
    reason: str = ""


def python_in(environment: Path | None) -> Path:
    """The interpreter of a virtual environment; of this process where none is given. Raises LoadError."""
    if environment is None:
        return Path(sys.executable)
    python = environment.expanduser().absolute() / "bin" / "python"
    if not python.exists():
        raise LoadError(f"{environment} is no virtual environment: there is no {python}")
    return python


async def installed(python: Path, peers: Sequence[Peer]) -> dict[str, str]:
    """The versions of the peers that an interpreter has, by their names. Raises LoadError."""
    status, output, errors = await output_of(python, "-c", _VERSIONS, *(peer.name for peer in peers))
    if status != 0:
        raise LoadError(f"{python} failed: {errors[-500:]}")
    return msgspec.json.decode(output, type=dict[str, str])
