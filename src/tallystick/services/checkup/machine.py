"""What can be looked at without the database: the machine's clock, its disk, who may read our files."""

from __future__ import annotations

import ctypes
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tallystick.domain.texts import counted
from tallystick.services.checkup.items import CheckItem, checked, for_people
from tallystick.services.operations.configuration import file_of
from tallystick.services.process.disk import Room, room_for_data
from tallystick.settings import ENVIRONMENT, Settings, SettingsError, has_master_key, load_master_keys

_UNKEPT: Final = 5
"""TIME_ERROR of adjtimex(2): nothing has set the clock for long."""

_TIMEX_BYTES: Final = 512
"""More than the structure has on any system. All zero, it asks and changes nothing."""


def machine_items(
    settings: Settings,
    room: Callable[[Settings], Room | None] = room_for_data,
    clock_is_kept: Callable[[], bool | None] | None = None,
) -> Iterator[CheckItem]:
    """All of them. Blocks: a command may be asked for the master key."""
    yield checked("settings", None, _sources(settings))
    yield _kept_clock((clock_is_kept or kernel_keeps_clock)())
    yield _disk(settings, room(settings))
    yield _master_key(settings)
    yield from _permissions(settings)


def kernel_keeps_clock() -> bool | None:
    """Whether the kernel knows of something that keeps its clock right; None: it does not say."""
    try:
        ask = ctypes.CDLL(None).ntp_adjtime
        state = int(ask(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _UNKEPT


def _sources(settings: Settings) -> str:
    file = file_of(settings)
    from_file = [] if file is None else [file]
    variables = [name for name, origin in settings.origins.items() if origin.place == ENVIRONMENT]
    from_environment = [f"{counted(len(variables), 'variable')} of the environment"] if variables else []
    return f"from {' and '.join([*from_file, *from_environment])}" if settings.origins else "all are as by default"


def _kept_clock(kept: bool | None) -> CheckItem:
    if kept:
        return checked("time service", None, "the kernel says that its clock is kept right")
    told = (
        "does not say whether its clock is kept right"
        if kept is None
        else "knows of nothing that keeps its clock right"
    )
    return for_people(
        "time service", f"the kernel {told}: see that chrony or systemd-timesyncd runs, here or on the host"
    )


def _disk(settings: Settings, room: Room | None) -> CheckItem:
    if room is None:
        return for_people("disk", f"there is no {settings.data_directory} yet")
    problem = room.told if room.full or room.scarce else None
    return checked("disk", problem, f"{room.free >> 20} MB of {room.total >> 20} MB are left for {room.path}")


def _master_key(settings: Settings) -> CheckItem:
    if not has_master_key(settings):
        return for_people("master key", f"there is none yet; the first start makes {settings.key_file}")
    try:
        load_master_keys(settings)
    except SettingsError as error:
        return checked("master key", str(error), "")
    if settings.master_key is not None:
        return checked("master key", None, "a setting has it; keep a copy elsewhere")
    if settings.master_key_command is not None:
        return checked("master key", None, "a command tells it")
    return checked("master key", None, f"it is in {settings.key_file}, for its owner alone; keep a copy elsewhere")


def _permissions(settings: Settings) -> Iterator[CheckItem]:
    directory = settings.data_directory
    try:
        mode = stat.S_IMODE(directory.stat().st_mode)
    except OSError:
        mode = 0
    problem = f"run: chmod 700 {directory}" if mode & (stat.S_IRWXO | stat.S_IRGRP | stat.S_IWGRP) else None
    yield checked(
        "permissions",
        problem and f"other users may look into {directory}; {problem}",
        f"{directory} is closed to others",
    )
    for path in secret_files(settings):
        if open_to_all(path):
            yield for_people(
                "secret file",
                f"every user may read {path}: chmod 640 {path}, unless this machine has no others, as a container",
            )


def secret_files(settings: Settings) -> list[Path]:
    """The files in which settings that were read say that secrets are."""
    return [origin.file for origin in settings.origins.values() if origin.file is not None]


def open_to_all(path: Path) -> bool:
    """Whether every user may read a file: it says so, and so does every directory above it."""
    try:
        here = path.resolve()
        if not here.stat().st_mode & stat.S_IROTH:
            return False
        return all(above.stat().st_mode & stat.S_IXOTH for above in here.parents)
    except OSError:
        return False
