"""An operator's first day on an empty machine with systemd: the guide line by line, then what units and proxy promise.

`docs/deploying.md` is typed as it stands, but that the wheel is the one of this tree. A Debian is installed from its
packages for this, and what Tallystick needs from PyPI: it takes minutes, so it is asked for (`./run test --image`).
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.deploy.test_proxies import authority
from tests.deploy.whole.asked import needs
from tests.deploy.whole.debian import AUTHORITIES, Booted, Debian, booted
from tests.stories.first_day.machine import build_wheel
from tests.support.certificates import KeyPair
from tests.support.paths import ROOT
from tests.support.readme import differences, parts, type_in

pytestmark = [pytest.mark.timeout(3600), needs("debootstrap", "systemd-nspawn", "nsenter")]

PACKAGES = ("systemd", "systemd-sysv", "curl", "nginx-light")
SERVICE = "https://pay.example.com"
LOAD = Path(__file__).with_name("load.py")
POSTBOX = Path(__file__).with_name("postbox.py")
MOST = 900
"""Payments of 0.01 that the load makes at most: the pages leave 9.90 on the balance that it spends."""

OURS = "runuser -u tallystick -- /opt/tallystick/bin/tallystick"
UNITS = "tallystick.service tallystick-worker.service tallystick-backup.service"
SETTINGS = f"""
public_url = "{SERVICE}"
reverse_proxies = 1
"""
MAIL = """
mail_from = "pay@example.com"
smtp_url = "smtp://127.0.0.1:2525"
"""

Record = Callable[[str, object], None]


class Operator:
    """Somebody at the machine: how long what they do takes is kept, and told at the end of the run."""

    def __init__(self, debian: Debian, machine: Booted, record: Record) -> None:
        self.debian, self.machine, self._record = debian, machine, record

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = monotonic()
        yield
        self._record("first day", (f"operator: {step}", round(monotonic() - began, 1)))

    def answers(self, command: str) -> dict[str, Any]:
        """What a command of ours answers to programs."""
        found: dict[str, Any] = json.loads(self.machine.run(f"{OURS} {command} --json"))
        return found

    def until_ready(self) -> None:
        self.machine.until(lambda said: said == "200", f"curl -so /dev/null -w '%{{http_code}}' {SERVICE}/readyz")

    def until_active(self) -> None:
        self.machine.until(lambda said: said.split() == ["active"] * 3, f"systemctl is-active {UNITS}")

    def balanced(self) -> Decimal:
        """The books are right; what buyers have left."""
        assert self.answers("verify")["ok"] is True
        balances = self.answers("balance --account shop@example.com")["balances"]
        return sum((Decimal(one["balance"]) for one in balances), Decimal())


def guide() -> str:
    """The lines of the guide with which it is installed."""
    text = (ROOT / "docs" / "deploying.md").read_text("utf-8").partition("\nWith systemd")[2]
    return "\n".join(line.strip() for line in re.findall(r"\n\n((?:    .*\n)+)", text)[0].splitlines())


@pytest.fixture(scope="module")
def debian() -> Iterator[Debian]:
    directory = Path(tempfile.mkdtemp(prefix="tallystick-machine-"))
    yield Debian.installed(directory / "root", PACKAGES)
    shutil.rmtree(directory, ignore_errors=True)


def prepare(debian: Debian, own: KeyPair, tmp_path: Path) -> str:
    """What is there before the guide is followed: tree, wheel, certificate. The wheel's name in the machine."""
    wheel = shutil.copy(build_wheel(tmp_path), debian.place("/root"))
    shutil.copytree(ROOT / "deploy", debian.place("/root/deploy"))
    for program in (LOAD, POSTBOX):
        shutil.copy(program, debian.place("/root"))
    with debian.place("/etc/hosts").open("a") as hosts:
        hosts.write("127.0.0.1 localhost pay.example.com\n")
    place = debian.place("/etc/ssl/tallystick")
    place.mkdir()
    (place / "fullchain.pem").write_bytes(own.certificate_pem)
    (place / "key.pem").write_bytes(own.private_pem)
    with debian.place(str(AUTHORITIES)).open("ab") as trusted:
        trusted.write(own.certificate_pem)
    return f"/root/{Path(wheel).name}"


async def test_an_operators_first_day(debian: Debian, tmp_path: Path, record_property: Record) -> None:
    """One test, since each part needs the machine that the part before leaves."""
    wheel = prepare(debian, authority("pay.example.com", days=90), tmp_path)
    fetched, placed = guide().split("/opt/tallystick/bin/tallystick init", 1)
    with ExitStack() as stack:
        machine = stack.enter_context(booted(debian, tmp_path / "console"))
        operator = Operator(debian, machine, record_property)
        with operator.timed("install"):  # from the network, which the booted machine has none of
            debian.run(fetched.replace("tallystick[embedded]", f"{wheel}[embedded]"))
        with operator.timed("configure, start"):
            settings, started = placed.split("systemctl enable", 1)
            machine.run(f"/opt/tallystick/bin/tallystick init{settings}")
            machine.run(f"cat >> /etc/tallystick/tallystick.toml <<'end'{SETTINGS}end")
            machine.run(f"systemctl enable{started}")
        with operator.timed("a proxy"):
            machine.run("cp /root/deploy/nginx/tallystick.conf /etc/nginx/conf.d/ && systemctl restart nginx")
            operator.until_ready()
        with operator.timed("doctor"):
            assert "MISSING" not in machine.says(f"{OURS} doctor"), machine.says(f"{OURS} doctor")
        operator.until_active()
        buyers = await first_charges(operator)
        the_log_tells_of_calls(machine)
        no_request_fails_while_it_is_restarted(operator, buyers)
        a_killed_service_is_back(operator)
        letters_leave(operator, buyers)
        a_backup_is_there(operator)
        before = operator.balanced()
    with operator.timed("switched off and on"), booted(debian, tmp_path / "console") as machine:
        operator = Operator(debian, machine, record_property)
        operator.until_ready()
        operator.until_active()
        assert operator.balanced() == before


async def first_charges(operator: Operator) -> dict[str, str]:
    """The first pages, typed into a shell of the machine, through the proxy; the variables that they leave."""
    machine = operator.machine
    machine.run(f"printf '%s\\n' '#!/bin/sh' 'exec {OURS} \"$@\"' > /root/run && chmod +x /root/run")
    process = await asyncio.create_subprocess_exec(
        *machine.command("bash"), stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=2**20
    )
    assert process.stdin is not None
    try:
        for number, part in enumerate(parts(SERVICE)[1:]):
            with operator.timed(part.typed.splitlines()[0][:50]):
                came = await type_in(process, part.typed.replace("./run fund", "./run fund --wait 300"), number)
                assert differences(part, came) == [], part.typed
        told = await type_in(process, "echo KEY=$KEY; echo SECRET=$SECRET; echo SENDER=$SENDER", 99)
    finally:
        process.stdin.close()
        await process.wait()
    return dict(line.split("=", 1) for line in told)


def letters_leave(operator: Operator, buyers: dict[str, str]) -> None:
    """With a mail server buyers prove their addresses: the worker reaches it, though it is held to little."""
    machine = operator.machine
    with operator.timed("a mail server"):
        machine.run("systemd-run --unit=postbox python3 /root/postbox.py /root/letters")
        machine.run(f"cat >> /etc/tallystick/tallystick.toml <<'end'{MAIL}end\nsystemctl restart tallystick.service")
        operator.until_ready()
        asked = "pipelineName=SetupPrepaid fundingAmount=25.00 callerReferenceSender=s-2 callerReferenceFunding=f-2"
        signs = f"--key {buyers['KEY']} --secret-env SECRET"
        address = f"{asked} returnURL={SERVICE}/sandbox/return"
        link = machine.run(f"export SECRET={buyers['SECRET']}; {OURS} sandbox sign cobranded {address} {signs}").strip()
        walk = f"export PASSWORD='one more stick'; {OURS} sandbox authorize '{link}' --buyer bo@example.com"
        assert "We sent a letter to bo@example.com" in machine.says(f"{walk} --password-env PASSWORD")
        machine.until(lambda said: "To: bo@example.com" in said, "cat /root/letters")


def the_log_tells_of_calls(machine: Booted) -> None:
    def calls() -> list[dict[str, Any]]:
        lines = machine.run("journalctl --no-pager -o cat -u tallystick.service").splitlines()
        return [told for line in lines if line.startswith("{") and (told := json.loads(line))["event"] == "request"]

    machine.until(lambda said: '"action":"Pay"' in said, "journalctl --no-pager -o cat -u tallystick.service")
    assert {(call["action"], call["outcome"]) for call in calls()} >= {("Pay", "ok"), ("GetPrepaidBalance", "ok")}


def no_request_fails_while_it_is_restarted(operator: Operator, buyers: dict[str, str]) -> None:
    """The socket stays: through the proxy, programs pay all the time."""
    machine, before = operator.machine, operator.balanced()
    signs = f"KEY={buyers['KEY']} SECRET={buyers['SECRET']}"
    command = f"{signs} python3 /root/load.py {SERVICE} {buyers['SENDER']} /root/enough {MOST}"
    with subprocess.Popen(  # noqa: S603 - in a machine of ours
        machine.command("bash", "-uc", command), stdout=subprocess.PIPE, text=True
    ) as load:
        began = machine.run("systemctl show -P MainPID tallystick.service")
        with operator.timed("restart under load"):
            machine.run("sleep 2; systemctl restart tallystick.service; sleep 2")
        machine.run("touch /root/enough")
        told = json.loads(load.communicate(timeout=300)[0])
    assert machine.run("systemctl show -P MainPID tallystick.service") != began
    operator.until_active()
    assert told["failed"] == []
    assert told["paid"] > 0
    assert operator.balanced() == before - told["paid"] * Decimal("0.01")
    recovered = machine.says("grep -h 'not properly shut down' /var/lib/tallystick/postgres/log/*.log")
    assert recovered == "", machine.says("journalctl --no-pager -o cat -u 'tallystick*' | grep -i -B4 -A4 kill")


def a_killed_service_is_back(operator: Operator) -> None:
    machine, before = operator.machine, operator.balanced()
    began = machine.run("systemctl show -P MainPID tallystick.service")
    with operator.timed("killed, and back"):
        machine.run("systemctl kill --signal=KILL --kill-whom=main tallystick.service")
        machine.until(lambda said: said not in {began, "0\n"}, "systemctl show -P MainPID tallystick.service")
        operator.until_ready()
    assert operator.balanced() == before


def a_backup_is_there(operator: Operator) -> None:
    machine = operator.machine
    with operator.timed("a backup, checked"):
        machine.until(lambda said: said.strip() != "", "ls /backup/tallystick/base/*.json 2>/dev/null")
        machine.run(f"{OURS} backup check --directory /backup/tallystick")
    assert "MISSING" not in machine.says(f"{OURS} doctor --backups /backup/tallystick")
