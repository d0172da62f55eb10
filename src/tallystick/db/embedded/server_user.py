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

from tallystick.db.embedded.environment import bare_environment

SERVICE_USER: Final = "tallystick"
LAST_RESORT_USER: Final = "nobody"

# Both, always: a member of the group gets the group's rights, even where all others have more.
_READ_ALL: Final = stat.S_IRGRP | stat.S_IROTH
_PASS_ALL: Final = stat.S_IXGRP | stat.S_IXOTH
_ROOT_GROUP: Final = 0

logger = logging.getLogger(__name__)


class ServerUserError(Exception):
    """No user could be found, made or used for the database server; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Who runs the server's programs. `uid` None: we do, being an ordinary user already.

    Attributes:
        uid: the user id to change to, which only root can.
        gid: that user's group, the only one that the programs are in.
    """

    uid: int | None = None
    gid: int | None = None

    def run(self, command: Sequence[str | Path], *, directory: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the server as this user and wait for it; its output is in the result, errors included.

        It gets nothing of our environment but where programs are: passwords and the master key may be in it, and every
        superuser of the database could read them.
        Raises ServerUserError: the system does not let us change to the user.
        """
        try:
            return subprocess.run(  # noqa: S603 - our own programs, no shell
                command,
                check=False,
                cwd=directory,
                env=bare_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                umask=0o077,
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else (),
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
    user = _user_of(_service_user()) if owner in {None, 0} else _owner_of(data)
    _grant_passage(data, user)
    for program in programs:
        _grant_passage(program, user)
        _grant_reading(program)
    return user


def _user_of(entry: pwd.struct_passwd) -> ServerUser:
    return ServerUser(entry.pw_uid, entry.pw_gid)


def _owner_of(data: Path) -> ServerUser:
    """Who made the data, with a group that is not root's: nothing in the data needs it."""
    status = data.stat()
    try:
        return _user_of(pwd.getpwuid(status.st_uid))
    except KeyError:  # the system has no name for the number, as in some containers
        return ServerUser(status.st_uid, status.st_gid if status.st_gid != _ROOT_GROUP else status.st_uid)


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
    made = subprocess.run(  # noqa: S603 - same
        (*command, SERVICE_USER), check=False, capture_output=True, text=True, env=bare_environment()
    )
    try:
        return pwd.getpwnam(SERVICE_USER)  # also when another process made it at the same time
    except KeyError:
        logger.warning("could not make the user %s: %s", SERVICE_USER, made.stderr.strip())
        return None


def _grant_passage(path: Path, user: ServerUser) -> None:
    """Let the server pass through the directories above `path`.

    Root's home is closed to everybody, and shall stay so. Such a directory is given to the server's own group, with
    passage (x) without the right to list (r): the server is in no group of root's, and nobody else is in this one.
    Raises ServerUserError: another group would lose rights by that.
    """
    for directory in path.parents:
        status = directory.stat()
        mode = stat.S_IMODE(status.st_mode)
        if _may_pass(user, status):
            continue
        lost = mode & stat.S_IRWXG & ~(stat.S_IXGRP if status.st_gid == _ROOT_GROUP else 0)
        if status.st_gid != user.gid and lost:
            raise ServerUserError(
                f"user id {user.uid}, as whom the embedded database runs, cannot pass through {directory}: let its "
                f"group id {user.gid} pass, or keep data and programs elsewhere"
            )
        logger.info("letting group id %s pass through %s, for the embedded database", user.gid, directory)
        os.chown(directory, -1, -1 if user.gid is None else user.gid)
        directory.chmod(mode | stat.S_IXGRP)


def _may_pass(user: ServerUser, status: os.stat_result) -> bool:
    """Whether the system lets the server through: it asks for the owner's right, else the group's, else all others'."""
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & (stat.S_IXGRP if status.st_gid == user.gid else stat.S_IXOTH))


def _grant_reading(tree: Path) -> None:
    """Make programs readable that pip installed under a strict umask; they are public, there is nothing to hide."""
    if stat.S_IMODE(tree.stat().st_mode) & (_READ_ALL | _PASS_ALL) == _READ_ALL | _PASS_ALL:
        return  # judged by the root of the tree: pip gives all directories of a wheel the same rights
    for path in (*tree.rglob("*"), tree):  # the root last: interrupted, the work is begun anew
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | _READ_ALL | (_PASS_ALL if mode & stat.S_IXUSR else 0))
