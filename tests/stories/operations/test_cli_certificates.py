from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command, Ended
from tests.support.certificates import key_pair

from tallystick.store.keys.certificates import fingerprint_of

pytestmark = pytest.mark.timeout(300)


async def test_the_life_of_a_certificate(make_migrated: MakeDatabase, tmp_path: Path, command: Command) -> None:
    settings = {"TALLYSTICK_DATABASE_URL": await make_migrated(), "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}
    pair = key_pair(datetime.now(UTC) - timedelta(days=1))
    (tmp_path / "cert.pem").write_bytes(pair.certificate_pem)
    fingerprint = fingerprint_of(pair.certificate)

    async def run(keys: str, *arguments: str) -> Ended:
        return await command("keys", keys, "--account", "shop@music.example", *arguments, settings=settings)

    shop = ["--email", "shop@music.example", "--name", "Shop"]
    assert (await command("account", "create", "--kind", "business", *shop, settings=settings)).status == 0
    assert (await run("list-certificates")).out == "This account has no certificates yet.\n"

    registered = await run("register-certificate", "--file", str(tmp_path / "cert.pem"))
    assert registered.out.splitlines()[0] == f"Fingerprint  {fingerprint}"
    again = await run("register-certificate", "--file", str(tmp_path / "cert.pem"))
    assert (again.status, "registered before" in again.complaint) == (2, True)
    (tmp_path / "none.pem").write_text("not a certificate")
    unfit = await run("register-certificate", "--file", str(tmp_path / "none.pem"))
    assert (unfit.status, "does not serve: there is no certificate" in unfit.complaint) == (2, True)

    (listed,) = json.loads((await run("list-certificates", "--json")).out)
    assert (listed["fingerprint"], listed["status"], listed["environment"]) == (fingerprint, "usable", "sandbox")
    assert listed["subject"] == "CN=A shop's program"

    colons = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    assert (await run("revoke-certificate", "--fingerprint", colons)).out == f"{fingerprint} is revoked.\n"
    assert "revoked" in (await run("list-certificates")).out
    unknown = await run("revoke-certificate", "--fingerprint", "0" * 64)
    assert (unknown.status, "has no certificate" in unknown.complaint) == (2, True)
