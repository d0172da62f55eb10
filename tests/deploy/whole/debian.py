"""A Debian that was just installed, in a directory: as a file system to change into, or booted with systemd."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

RELEASE: Final = "trixie"
AUTHORITIES: Final = Path("etc/ssl/certs/ca-certificates.crt")
"""Whom a machine trusts. A new one is given those of this one: there may be an authority on the way out of it."""

_NAMES: Final = Path("etc/resolv.conf")
_SECONDS: Final = 900

Ran = subprocess.CompletedProcess[str]


def _variables() -> dict[str, str]:
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {
        "HOME": "/root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "PIP_CERT": f"/{AUTHORITIES}",
        "SSL_CERT_FILE": f"/{AUTHORITIES}",
        **proxies,
    }


def run(*command: str, **more: object) -> Ran:
    """Run a program of this machine to its end. Fails the test with what it said, where its status is not 0."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, **more)  # type: ignore[call-overload]  # noqa: S603
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Debian:
    """A file system. `directory`: its root."""

    directory: Path

    @classmethod
    def installed(cls, directory: Path, packages: tuple[str, ...]) -> Debian:
        """The least that Debian is, and these packages."""
        included = ",".join(("ca-certificates", "python3", "python3-venv", *packages))
        run("debootstrap", "--variant=minbase", f"--include={included}", RELEASE, str(directory))
        shutil.copy(Path("/") / AUTHORITIES, directory / AUTHORITIES)
        shutil.copy(Path("/") / _NAMES, directory / _NAMES)
        return cls(directory)

    def run(self, script: str) -> Ran:
        """Type something into a shell of it, which has the network of this machine."""
        return run("chroot", str(self.directory), "sh", "-euc", script, env=_variables())

    def place(self, path: str) -> Path:
        """Where a file of it is."""
        return self.directory / path.lstrip("/")


@dataclass(frozen=True)
class Booted:
    """A machine that runs, with a network of its own that leads nowhere. `leader`: its first process."""

    leader: int

    def command(self, *command: str) -> list[str]:
        """What runs a program in it, as root."""
        inside = ("nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        variables = [f"{name}={value}" for name, value in _variables().items()]
        return [*inside, "--", "env", "--ignore-environment", "--chdir=/root", *variables, *command]

    def run(self, script: str) -> str:
        """Type something into a shell of it; what it printed. A status that is not 0 fails the test, with its log."""
        try:
            return run(*self.command("bash", "-euc", script)).stdout
        except AssertionError as error:
            error.add_note(self.says("journalctl --no-pager -n 80"))
            raise

    def says(self, script: str) -> str:
        """The same, whatever its status is."""
        done = subprocess.run(  # noqa: S603 - in a machine of ours
            self.command("bash", "-uc", script), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        return done.stdout + done.stderr

    def until(self, true: Callable[[str], bool], script: str, seconds: float = 300) -> str:
        """Ask again until the answer is right."""
        end = time.monotonic() + seconds
        while not true(said := self.says(script)):
            assert time.monotonic() < end, f"{script}: {said}\n{self.says('journalctl --no-pager -n 60')}"
            time.sleep(0.2)
        return said


@contextmanager
def booted(debian: Debian, said: Path) -> Iterator[Booted]:
    """Boot it, with systemd as its first process; at the end it is switched off as it should be.

    `said`: its console.
    """
    command = (
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe"),
        *(f"--directory={debian.directory}", "--machine=tallystick-test", "--boot"),
    )
    variables = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    with (
        said.open("ab") as console,
        subprocess.Popen(  # noqa: S603 - a machine of ours
            command, env=variables, stdin=subprocess.DEVNULL, stdout=console, stderr=console
        ) as process,
    ):
        try:
            machine = Booted(_leader(process, said))
            try:
                machine.until(lambda state: state.strip() in {"running", "degraded"}, "systemctl is-system-running")
                yield machine
            finally:
                machine.says("systemctl poweroff")
                try:
                    process.wait(180)
                except subprocess.TimeoutExpired:  # it would go on by itself
                    os.kill(machine.leader, signal.SIGKILL)
        finally:
            process.kill()


def _leader(process: subprocess.Popen[bytes], said: Path) -> int:
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, said.read_text("utf-8", "replace")
        assert time.monotonic() < end, said.read_text("utf-8", "replace")
        children = psutil.Process(process.pid).children()
        if children and children[0].name() == "systemd":
            return children[0].pid
        time.sleep(0.1)
