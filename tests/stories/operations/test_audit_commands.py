"""`tallystick audit`: chains proved against a log of the service, and exported for a proof that needs nothing of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import Command, start
from tests.support.master_key import MASTER_KEY_TEXT
from tests.support.owner import execute_as_owner
from tests.support.paths import ROOT

from tallystick.db.database import open_pool

pytestmark = pytest.mark.timeout(300)

PROGRAM = re.compile(r"```python\n(# audit\.py.*?)```", re.DOTALL)


@pytest.fixture
async def settings(make_migrated: MakeDatabase, tmp_path: Path, command: Command) -> dict[str, str]:
    """A seller with two keys and a buyer, made by commands; and a log of the service that ran meanwhile."""
    settings = {
        "TALLYSTICK_DATABASE_URL": await make_migrated(),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
    }
    for arguments in (
        ("account", "create", "--kind", "business", "--email", "shop@music.example", "--name", "Music Shop"),
        ("keys", "create", "--account", "shop@music.example"),
        ("keys", "create", "--account", "shop@music.example"),
        ("account", "create", "--kind", "personal", "--email", "ann@people.example", "--name", "Ann"),
    ):
        assert (await command(*arguments, settings=settings)).status == 0
    return settings


async def log_of(settings: dict[str, str], arguments: tuple[str, ...], said: bytes, form: str) -> bytes:
    """The log of a process that is started, and stopped as soon as it runs."""
    process = await start(*arguments, settings=settings | {"TALLYSTICK_LOG_FORMAT": form})
    assert process.stdout is not None
    while said not in (line := await process.stdout.readline()):
        assert line, "it ended by itself"
    process.terminate()
    _, lines = await process.communicate()
    assert process.returncode == 0, lines.decode()
    return lines


async def test_a_log_of_the_service_tells_when_the_end_of_a_chain_is_gone(
    settings: dict[str, str], tmp_path: Path, command: Command
) -> None:
    fresh = json.loads((await command("audit", "verify", "--json", settings=settings)).out)
    assert (fresh["ok"], fresh["records"], fresh["waiting"]) == (True, 0, 4)
    worker, server = tmp_path / "worker.log", tmp_path / "serve.log"
    worker.write_bytes(await log_of(settings, ("worker",), b"Tallystick works", "console"))
    serving = ("serve", "--no-worker", "--port", str(free_port()))
    server.write_bytes(await log_of(settings, serving, b"worker ", "json"))

    logs = ("--anchors", str(worker), "--anchors", str(server))
    whole = await command("audit", "verify", *logs, settings=settings)
    assert whole.status == 0, whole
    assert "The chains are whole." in whole.out
    told = json.loads((await command("audit", "verify", *logs, "--json", settings=settings)).out)
    assert (told["ok"], told["records"], told["waiting"], told["problems"]) == (True, 4, 0, [])
    assert told["anchors"] >= 2

    async with await open_pool(settings["TALLYSTICK_DATABASE_URL"], max_size=1) as pool:
        chain = await pool.fetchval("SELECT chain FROM chain_head WHERE chain LIKE 'seller-%'")
        await execute_as_owner(pool, "ALTER TABLE audit_entry DISABLE TRIGGER USER")
        await execute_as_owner(pool, "DELETE FROM audit_entry WHERE chain_sequence = 3")
        await execute_as_owner(
            pool,
            "UPDATE chain_head SET sequence = 2, digest = (SELECT chain_digest FROM audit_entry"
            " WHERE business_id IS NOT NULL AND chain_sequence = 2) WHERE chain = $1",
            chain,
        )
    assert (await command("audit", "verify", settings=settings)).status == 0
    cut = await command("audit", "verify", "--anchors", str(worker), settings=settings)
    assert cut.status == 1
    assert f"{chain}: ends at 2, the log file has it as far as 3" in cut.out


async def test_a_file_without_anchors_proves_nothing(
    settings: dict[str, str], tmp_path: Path, command: Command
) -> None:
    (tmp_path / "empty.log").write_text("nothing\n")
    for name in ("empty.log", "missing.log"):
        refused = await command("audit", "verify", "--anchors", str(tmp_path / name), settings=settings)
        assert refused.status == 2
        assert refused.complaint


async def test_an_export_is_proved_by_the_lines_in_the_documentation(
    settings: dict[str, str], tmp_path: Path, command: Command
) -> None:
    left_out = await command("audit", "export", settings=settings)
    assert (left_out.status, left_out.out) == (0, "")
    assert "4 not chained yet are left out" in left_out.complaint
    await log_of(settings, ("worker",), b"Tallystick works", "console")
    (program,) = PROGRAM.findall((ROOT / "docs" / "operating.md").read_text("utf-8"))
    (tmp_path / "audit.py").write_text(program, "utf-8")

    exported = (await command("audit", "export", settings=settings)).out
    assert len(exported.splitlines()) == 4
    proved = prove(tmp_path, exported)
    assert (proved.returncode, proved.stdout.count("\n")) == (0, 2)
    assert "operator 1 " in proved.stdout
    for spoilt in (
        exported.replace('"action":"key.create"', '"action":"key.revoke"'),
        exported.replace("shop@music.example", "shop@other.example"),
        exported.replace('"sequence":2', '"sequence":3', 1),
        "\n".join(line for line in exported.splitlines() if '"sequence":2' not in line),
    ):
        assert spoilt != exported
        assert prove(tmp_path, spoilt).returncode != 0

    one = (await command("audit", "export", "--chain", "operator", settings=settings)).out
    assert [json.loads(line)["content"]["chain"] for line in one.splitlines()] == ["operator"]
    wrong = await command("audit", "export", "--chain", "nobody", settings=settings)
    assert (wrong.status, wrong.out) == (2, "")


def prove(directory: Path, exported: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the lines of our own documentation
        [sys.executable, "-I", str(directory / "audit.py")], input=exported, capture_output=True, text=True, check=False
    )


async def test_the_proof_of_the_books_includes_the_chains(settings: dict[str, str], command: Command) -> None:
    async with await open_pool(settings["TALLYSTICK_DATABASE_URL"], max_size=1) as pool:
        await pool.execute(
            "UPDATE audit_entry SET chain_sequence = 2, chained_at = at, previous_digest = '', chain_digest = '\\x00',"
            " subject_digest = '\\x00' WHERE audit_id = (SELECT min(audit_id) FROM audit_entry)"
        )

    spoilt = await command("verify", settings=settings)
    assert spoilt.status == 1
    assert "BAD audit_log_is_whole" in spoilt.out
