"""A Docker of the test's own, and images that stand for those of its registry, which are not fetched.

They are made of Debian's packages and bear the names that our files ask for. What is ours is built as it stands.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.deploy.whole.debian import Debian, Ran, run

BASE: Final = "python:3.13-slim"
STANDING_IN: Final = {"postgres:18": "postgres.Containerfile", "caddy:2": "caddy.Containerfile"}
COMPOSE: Final = "usr/libexec/docker/cli-plugins/docker-compose"
"""Where Debian's package has the program."""


@dataclass(frozen=True)
class Docker:
    """A daemon at a socket. `compose`: the program for compositions."""

    socket: Path
    compose_program: Path

    @property
    def environment(self) -> dict[str, str]:
        """What its programs need to reach it."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"}

    def run(self, *words: str) -> str:
        """A command of `docker`; what it printed."""
        return run("docker", *words, env=self.environment).stdout

    def says(self, *words: str) -> Ran:
        """The same, whatever its status is."""
        return subprocess.run(  # noqa: S603 - our own containers
            ("docker", *words),  # noqa: S607
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def compose(self, directory: Path, *words: str, **variables: str) -> str:
        """A command of `docker compose` in a directory; what it told on its way."""
        done = run(str(self.compose_program), *words, cwd=directory, env={**self.environment, **variables})
        return done.stdout + done.stderr

    def health(self, container: str) -> str:
        """What its health check says last."""
        return self.run("inspect", "--format", "{{.State.Health.Status}}", container).strip()


@contextmanager
def docker(directory: Path, debian: Debian) -> Iterator[Docker]:
    """Start a daemon which keeps everything in a directory, with the images that stand in."""
    socket = directory / "socket"
    places = (
        f"--data-root={directory / 'data'}",
        f"--exec-root={directory / 'run'}",
        f"--pidfile={directory / 'pid'}",
        f"--host=unix://{socket}",
    )
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(("dockerd", *places), stdout=log, stderr=log) as daemon,  # noqa: S603, S607 - Debian's
    ):
        found = Docker(socket, debian.place(COMPOSE))
        try:
            end = time.monotonic() + 120
            while found.says("version").returncode != 0:
                assert time.monotonic() < end, (directory / "log").read_text()
                time.sleep(0.2)
            _stand_in(found, debian)
            yield found
        finally:
            daemon.terminate()
            daemon.wait(60)


def _stand_in(found: Docker, debian: Debian) -> None:
    """Make images of the names that our files begin from."""
    with subprocess.Popen(  # noqa: S603 - a file system of ours
        ("tar", "--directory", str(debian.directory), "--exclude=./proc", "--exclude=./sys", "--create", "."),  # noqa: S607
        stdout=subprocess.PIPE,
    ) as packed:
        run("docker", "import", "-", BASE, env=found.environment, stdin=packed.stdout)
    here = Path(__file__).parent
    for name, file in STANDING_IN.items():
        found.run("build", "--quiet", "--file", str(here / file), "--tag", name, str(here))
