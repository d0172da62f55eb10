"""Which services run on this machine, so that a command can tell that it is about to work on another database.

Each `serve` and `worker` keeps a file open and locked that says on what it works: where its user keeps such state, and
in the directory that a service manager gives it at run time, which everybody may read. The lock goes with the process.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import msgspec
import platformdirs

from tallystick.services.operations.configuration import file_of
from tallystick.settings import Settings
from tallystick.wiring import where

RUNTIME: Final = Path("/run/tallystick")
"""What a service manager gives a service of this name."""
_GIVEN: Final = "RUNTIME_DIRECTORY"
_ENDING: Final = ".service.json"


class RunningService(msgspec.Struct, frozen=True):
    """A process. `database`: where its data are, in words; `data_directory`: of the embedded database; None: another.

    `config`: the configuration file that it read, if any.
    """

    process: int
    url: str
    database: str
    data_directory: str | None
    config: str | None


@contextmanager
def told_to_others(settings: Settings) -> Iterator[None]:
    """Say while this is open on what this process works. Where nothing can be written nothing is said."""
    ours = RunningService(
        os.getpid(),
        settings.public_url,
        where(settings),
        str(settings.data_directory.resolve()) if settings.database_url is None else None,
        file_of(settings),
    )
    open_files = [file for directory in _our_directories() if (file := _write(directory, ours)) is not None]
    try:
        yield
    finally:
        for file in open_files:
            with suppress(OSError):
                Path(file.name).unlink()
            file.close()


def running_services() -> list[RunningService]:
    """All that this user can see."""
    found: dict[int, RunningService] = {}
    for directory in dict.fromkeys((*_our_directories(), RUNTIME)):
        with suppress(OSError):
            for path in sorted(directory.glob(f"*{_ENDING}")):
                if (one := _read(path)) is not None:
                    found[one.process] = one
    return list(found.values())


def _our_directories() -> tuple[Path, ...]:
    given = os.environ.get(_GIVEN, "").partition(":")[0]
    at_home = platformdirs.user_state_path("tallystick", appauthor=False) / "running"
    return (at_home, Path(given)) if given else (at_home,)


def _write(directory: Path, service: RunningService) -> IO[bytes] | None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _sweep(directory)
        file = (directory / f"{service.process}{_ENDING}").open("wb")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # whoever reads it holds it for a moment
        file.write(msgspec.json.encode(service))
        file.flush()
    except OSError:
        file.close()
        return None
    return file


def _sweep(directory: Path) -> None:
    """Remove what processes have left that were killed."""
    for path in directory.glob(f"*{_ENDING}"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _read(path: Path) -> RunningService | None:
    """What a process says that is alive; None: it is not, or says nothing that we understand."""
    try:
        with path.open("rb") as file:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            return msgspec.json.decode(file.read(), type=RunningService)
    except (OSError, msgspec.MsgspecError):
        return None
