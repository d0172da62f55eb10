"""The operating-system user that the embedded PostgreSQL runs as: PostgreSQL refuses to run as root."""

import logging
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERVICE_USER: Final = "tallystick"
LAST_RESORT_USER: Final = "nobody"

# Both, always: a member of the group gets the group's rights, even where all others have more.
_READ_ALL: Final = stat.S_IRGRP | stat.S_IROTH
_PASS_ALL: Final = stat.S_IXGRP | stat.S_IXOTH

logger = logging.getLogger(__name__)


class ServerUserError(Exception):
    """No user could be found, made or used for the database server; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Who runs the server's programs. `uid` None: we do, being an ordinary user already.

    Attributes:
        uid: the user id to change to, which only root can.
        gid: that user's group.
        extra_groups: groups that the programs need to pass through the directories above their files.
    """

    uid: int | None = None
    gid: int | None = None
    extra_groups: tuple[int, ...] = ()

    def run(self, command: Sequence[str | Path], *, directory: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the server as this user and wait for it; its output is in the result, errors included.

        Raises ServerUserError: the system does not let us change to the user.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        try:
            return subprocess.run(  # noqa: S603 - our own programs, no shell
                command,
                check=False,
                cwd=directory,
                env=environment | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                umask=0o077,
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else self.extra_groups,
            )
        except (PermissionError, subprocess.SubprocessError) as error:
            raise ServerUserError(f"cannot run {command[0]} as user id {self.uid or os.geteuid()}: {error}") from error

    def own(self, directory: Path) -> None:
        """Hand a directory that root made over to this user."""
        if self.uid is not None and self.gid is not None:
            try:
                os.chown(directory, self.uid, self.gid)
            except OSError as error:
                raise ServerUserError(f"cannot give {directory} to user id {self.uid}: {error}") from error


def choose_server_user(data: Path, programs: Iterable[Path]) -> ServerUser:
    """Find who shall run the server of the data directory `data`: the owner of existing data, or somebody new.

    As root this may create the system user `tallystick` and grants it passage to `data` and to the trees `programs`.
    Raises ServerUserError: the data belong to somebody else, or no user can be found.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in {None, os.geteuid()}:
            raise ServerUserError(
                f"{data} belongs to user id {owner}, who made it; run as that user or as root, "
                "or set TALLYSTICK_DATA_DIRECTORY to another place"
            )
        return ServerUser()

    if owner == 0 and (data / "global").is_dir():  # a server made it, and root has copied it
        raise ServerUserError(
            f"{data} belongs to root, as whom no PostgreSQL runs; run: chown -R {SERVICE_USER} {data}"
        )
    entry = _service_user() if owner in {None, 0} else None
    uid = entry.pw_uid if entry is not None else int(owner or 0)
    gid = entry.pw_gid if entry is not None else data.stat().st_gid
    groups = _grant_passage(data)
    for program in programs:
        groups |= _grant_passage(program)
        _grant_reading(program)
    return ServerUser(uid, gid, tuple(sorted(groups - {gid})))


def _service_user() -> pwd.struct_passwd:
    """The user of our own; made when the system has the means, else the system's user without rights."""
    for name in (SERVICE_USER, LAST_RESORT_USER):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            if name == SERVICE_USER and (made := _make_service_user()) is not None:
                return made
    raise ServerUserError(
        "PostgreSQL does not run as root, and no other user could be found or made; run as an ordinary user "
        "or set TALLYSTICK_DATABASE_URL to a PostgreSQL server"
    )


def _make_service_user() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if useradd is None:
        logger.warning("there is no useradd here; the embedded database runs as the user %s", LAST_RESORT_USER)
        return None
    command = (useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", "/bin/false")
    made = subprocess.run((*command, SERVICE_USER), check=False, capture_output=True, text=True)  # noqa: S603 - same
    try:
        return pwd.getpwnam(SERVICE_USER)  # also when another process made it at the same time
    except KeyError:
        logger.warning("could not make the user %s: %s", SERVICE_USER, made.stderr.strip())
        return None


def _grant_passage(path: Path) -> set[int]:
    """Let the server pass through the directories above `path`, and return the groups that it needs for that.

    Root's home is closed to everybody, and shall stay so. The server gets through it by its group: passage (x) without
    the right to list (r), for a group in which nobody else is.
    """
    groups = set()
    for directory in path.parents:
        status = directory.stat()
        if status.st_mode & _PASS_ALL == _PASS_ALL:
            continue
        groups.add(status.st_gid)
        if not status.st_mode & stat.S_IXGRP:
            logger.info("letting group id %d pass through %s, for the embedded database", status.st_gid, directory)
            directory.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXGRP)
    return groups


def _grant_reading(tree: Path) -> None:
    """Make programs readable that pip installed under a strict umask; they are public, there is nothing to hide."""
    if stat.S_IMODE(tree.stat().st_mode) & (_READ_ALL | _PASS_ALL) == _READ_ALL | _PASS_ALL:
        return  # judged by the root of the tree: pip gives all directories of a wheel the same rights
    for path in (*tree.rglob("*"), tree):  # the root last: interrupted, the work is begun anew
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | _READ_ALL | (_PASS_ALL if mode & stat.S_IXUSR else 0))
