"""The command line as a developer and an operator type it; most share a process, to save its start."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import asyncpg
import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import Command, Ended, running, tallystick
from tests.stories.pictures import png
from tests.support.paths import ROOT

from tallystick import __version__
from tallystick.cli.reference import reference

pytestmark = pytest.mark.timeout(300)

VECTORS = ROOT / "tests" / "data" / "signature_vectors.json"
PASSWORD = "correct horse battery"


@pytest.fixture
async def settings(make_migrated: MakeDatabase, tmp_path: Path) -> dict[str, str]:
    """An environment with a migrated database of its own."""
    return {"TALLYSTICK_DATABASE_URL": await make_migrated(), "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}


def test_the_reference_is_current() -> None:
    written = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert written == reference(), "write it anew: .venv/bin/python -m tallystick.cli.reference > docs/cli.md"


async def test_accounts_and_the_life_of_keys(settings: dict[str, str], command: Command) -> None:
    async def json_of(*arguments: str) -> object:
        ended = await command(*arguments, "--json", settings=settings)
        assert ended.status == 0, ended.complaint
        return json.loads(ended.out)

    shop = await json_of("account", "create", "--kind", "business", "--email", "Shop@Music.example", "--name", "Shop")
    assert isinstance(shop, dict)
    assert {**shop, "created_at": None} == {
        "account_id": shop["account_id"],
        "kind": "business",
        "email": "shop@music.example",
        "name": "Shop",
        "status": "active",
        "created_at": None,
    }
    again = await command(
        "account", "create", "--kind", "business", "--email", "shop@music.example", "--name", "X", settings=settings
    )
    assert (again.status, again.out) == (2, "")
    assert "already an account" in again.complaint
    assert await json_of("account", "list") == [shop]

    first = await json_of("keys", "create", "--account", "shop@music.example")
    assert isinstance(first, dict)
    second = await json_of("keys", "rotate", "--account", str(shop["account_id"]), "--overlap-hours", "1")
    assert isinstance(second, dict)
    assert first["secret"] != second["secret"]
    revoked = await json_of("keys", "revoke", "--account", "shop@music.example", "--key", first["access_key_id"])
    assert isinstance(revoked, dict)
    assert revoked["status"] == "revoked"
    entries = await json_of("keys", "list", "--account", "shop@music.example")
    assert isinstance(entries, list)
    assert [(entry["access_key_id"], entry["status"]) for entry in entries] == [
        (first["access_key_id"], "revoked"),
        (second["access_key_id"], "usable"),
    ]
    shown = await command("keys", "list", "--account", "shop@music.example", settings=settings)
    assert first["access_key_id"] in shown.out
    assert first["secret"] not in shown.out
    assert second["secret"] not in json.dumps(entries)

    moved = await json_of("clock", "forward", "--account", "shop@music.example", "--by", "40 days")
    assert isinstance(moved, dict)
    assert moved["ahead_seconds"] == 40 * 24 * 3600


async def test_suspending_signs_out_and_keeps_the_reason(settings: dict[str, str], command: Command) -> None:
    shop = ("--email", "shop@music.example", "--name", "Shop")
    await command("account", "create", "--kind", "business", *shop, settings=settings)
    connection = await asyncpg.connect(settings["TALLYSTICK_DATABASE_URL"])
    before = await connection.fetchval("SELECT session_round FROM party")

    standing = ("account", "standing", "--account", "shop@music.example")
    reason = ("--reason", "Chargebacks: three in a week")
    for _ in range(2):
        done = await command(*standing, "--status", "suspended", *reason, "--json", settings=settings)
        assert json.loads(done.out)["status"] == "suspended"

    assert await connection.fetchval("SELECT session_round FROM party") > before
    rows = await connection.fetch("SELECT details::text FROM audit_entry WHERE action = 'account.suspend'")
    await connection.close()
    assert [json.loads(row[0])["reason"] for row in rows] == [reason[1]]  # the second time nothing changed


async def test_what_cannot_be_done_is_said_in_a_line(
    settings: dict[str, str], tmp_path: Path, command: Command
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        place = f"127.0.0.1:{free_port()}"
        nowhere = {"TALLYSTICK_DATABASE_URL": f"postgresql://nobody:hunter2@{place}/none"}
        unreadable = {"TALLYSTICK_DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:port/none"}
        asked: list[tuple[tuple[str, ...], dict[str, str], str]] = [
            (("keys", "create", "--account", "nobody@x.example"), {}, "there is no account"),
            (("clock", "forward", "--account", "1", "--by", "a while"), {}, "not a length of time"),
            (("account", "create", "--kind", "robot", "--email", "a@b.example", "--name", "A"), {}, "robot"),
            (("account", "create", "--kind", "business", "--email", "nonsense", "--name", "A"), {}, "not an e-mail"),
            (("serve", "--port", port), {}, f"port {port}"),
            (("verify",), nowhere, f"the database at {place} cannot be used: Connect"),
            (("account", "list"), unreadable, "the database cannot be used"),
            (("verify",), {"TALLYSTICK_PROT": "1"}, "unknown setting TALLYSTICK_PROT"),
            (("verify",), {"TALLYSTICK_FEE_SCHEDULE_FILE": str(tmp_path / "none")}, "there is no file"),
            (("sandbox", "sign", "api", "Action=Pay", "--key", "K"), {}, "secret"),
            (("sandbox", "sign", "api", "Action", "--key", "K", "--secret-stdin"), {}, "NAME=VALUE"),
            (("sandbox", "authorize", "http://127.0.0.1/", "--buyer", "b@x.example", "--password-stdin"), {}, "signed"),
            (
                ("sandbox", "authorize", "x", "--buyer", "b@x.example", "--method", "ABT", "--number", "1"),
                {},
                "has none",
            ),
        ]
        for arguments, more, told in asked:
            ended = await command(*arguments, settings=settings | more, typed="something\n")
            check_refused(arguments, ended, told)
        # and as processes of their own
        check_refused(("serve",), await tallystick("serve", "--port", port, settings=settings), f"port {port}")
        check_refused(("verify",), await tallystick("verify", settings=settings | nowhere), place)


def check_refused(arguments: tuple[str, ...], ended: Ended, told: str) -> None:
    assert ended.status == 2, (arguments, ended)
    assert ended.out == "", arguments
    assert told in ended.complaint, (arguments, ended)
    assert "hunter2" not in ended.complaint, arguments
    assert "value error" not in ended.complaint.lower(), arguments
    assert ended.complaint.startswith("tallystick: ") or "Usage" in ended.complaint, (arguments, ended)


async def test_a_second_machine_needs_the_master_key_of_the_first(
    settings: dict[str, str], tmp_path: Path, command: Command
) -> None:
    account = ["account", "create", "--kind", "business", "--email", "shop@example.com", "--name", "Shop"]
    assert (await command(*account, settings=settings)).status == 0
    assert (await command("keys", "create", "--account", "shop@example.com", settings=settings)).status == 0
    other = settings | {"TALLYSTICK_DATA_DIRECTORY": str(tmp_path / "other")}

    without = await command("keys", "list", "--account", "shop@example.com", settings=other)
    wrong = other | {"TALLYSTICK_MASTER_KEY": base64.b64encode(b"x" * 32).decode()}
    with_another = await command("keys", "list", "--account", "shop@example.com", settings=wrong)

    for refused in (without, with_another):
        assert refused.status == 2
        assert "sealed with another master key" in refused.complaint
    assert not (tmp_path / "other" / "master.key").exists()
    shared = other | {"TALLYSTICK_MASTER_KEY": (tmp_path / "master.key").read_text().strip()}
    assert (await command("keys", "list", "--account", "shop@example.com", settings=shared)).status == 0


async def test_the_version_is_told(command: Command) -> None:
    assert (await command("--version", settings={})).out == f"{__version__}\n"


async def test_migrate_and_verify(make_database: MakeDatabase, tmp_path: Path, command: Command) -> None:
    url = await make_database()
    settings = {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}

    empty = await command("verify", settings=settings)
    assert (empty.status, empty.out) == (2, "")
    assert "tallystick migrate" in empty.complaint
    assert (await command("migrate", "--check", settings=settings)).status == 1
    assert "0001" in (await command("migrate", settings=settings)).out
    assert (await command("migrate", "--finish", "--json", settings=settings)).out == '{"finished":true}\n'
    assert (await command("migrate", "--finish", "--check", settings=settings)).status == 2
    report = await command("verify", "--json", settings=settings)
    assert report.status == 0
    assert json.loads(report.out)["ok"] is True

    since = await command("verify", "--since-last", "--json", settings=settings)
    assert since.status == 0
    assert json.loads(since.out)["unexplained_micros"] == 0

    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO book (book_id, environment, currency, created_at) VALUES (7, 'sandbox', 'USD', now())"
    )
    await connection.execute("INSERT INTO account (book_id, account_id, kind, balance_micros) VALUES (7, 1, 'cash', 5)")
    await connection.close()
    spoilt = await command("verify", settings=settings)
    assert spoilt.status == 1
    assert "BAD books_sum_to_zero" in spoilt.out
    since = await command("verify", "--since-last", settings=settings)
    assert since.status == 1
    assert "BAD balances_follow_from_transfers: book 7, account 1: balance is 5" in since.out


async def test_a_signed_link_is_the_one_that_other_implementations_make() -> None:
    known = json.loads(VECTORS.read_text("utf-8"))
    vector = next(one for one in known["vectors"] if one["id"] == "cbui-v2-prepaid")
    ours = {"callerKey", "version", "signatureVersion", "signatureMethod"}
    parameters = [f"{name}={value}" for name, value in vector["params"].items() if name not in ours]
    signed = await tallystick(
        "sandbox", "sign", "cobranded", *parameters, "--key", vector["params"]["callerKey"], "--secret-env", "S",
        "--service", f"https://{vector['host']}", settings={"S": known["secret_key"]},
    )  # fmt: skip

    assert signed.status == 0, signed.complaint
    url = urlsplit(signed.out.strip())
    assert dict(parse_qsl(url.query)) == {**vector["params"], "signature": vector["signature"]}


async def test_an_empty_database_is_made_ones_own_only_where_that_is_meant(
    make_database: MakeDatabase, tmp_path: Path, command: Command
) -> None:
    url = await make_database()
    settings = {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_DATA_DIRECTORY": str(tmp_path / "data")}

    refused = await command("account", "list", settings=settings)
    assert (refused.status, refused.out) == (2, "")
    assert "is empty, and no service has run with these settings" in refused.complaint
    assert "--new" in refused.complaint
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    await connection.close()

    looked = await command("doctor", "--json", settings=settings)
    (item,) = [one for one in json.loads(looked.out) if one["item"] == "database"]
    assert (looked.status, item["standing"], "is empty" in item["text"]) == (1, "missing", True)

    made = await command("account", "list", "--new", "--json", settings=settings)
    assert (made.status, made.out) == (0, "[]\n")
    assert (await command("account", "list", "--json", settings=settings)).out == "[]\n"
    looked = await command("doctor", "--live", "--json", settings=settings)
    items = {one["item"]: one["standing"] for one in json.loads(looked.out)}
    assert (items["clock"], items["rails"], items["rail"]) == ("good", "good", "missing")  # the last: of live books
    assert "backups" not in items, "the list for real money has it, too"


async def check_lost(command: Command, settings: dict[str, str]) -> None:
    """A command without the settings of the service beside it says whose database it did not open."""
    elsewhere = {name: text for name, text in settings.items() if name.startswith("XDG_")}
    ended = await command("account", "list", settings=elsewhere)
    assert (ended.status, ended.out) == (2, "")
    assert f"the service at http://127.0.0.1:{settings['TALLYSTICK_PORT']} (process " in ended.complaint
    assert f"works on the one in {settings['TALLYSTICK_DATA_DIRECTORY']}" in ended.complaint
    assert "--new" in ended.complaint


async def test_an_integration_is_tried_beside_a_service_with_the_embedded_database(
    data_directory: Path, tmp_path: Path, command: Command
) -> None:
    port = free_port()
    settings = {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "TALLYSTICK_DATA_DIRECTORY": str(data_directory),
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_LOG_FORMAT": "json",
        "SECRET": "",
        "PASSWORD": PASSWORD,
    }
    async with running("serve", settings=settings, until="worker") as lines:
        assert f"Tallystick serves http://127.0.0.1:{port}\n" in lines

        async def done(*arguments: str, typed: str = "") -> str:
            ended = await command(*arguments, settings=settings, typed=typed)
            assert ended.status == 0, ended.complaint
            return ended.out.strip()

        await check_lost(command, settings)
        await done("account", "create", "--kind", "business", "--email", "s@x.example", "--name", "Shop")
        key = json.loads(await done("keys", "create", "--account", "s@x.example", "--json"))
        settings["SECRET"] = key["secret"]
        sign = ("--key", key["access_key_id"], "--secret-env", "SECRET")
        link = await done(
            "sandbox", "sign", "cobranded", "pipelineName=SetupPrepaid", "callerReferenceSender=s-1",
            "callerReferenceFunding=f-1", "fundingAmount=10.00", "paymentMethod=CC,ABT", "collectShippingAddress=True",
            "returnURL=https://shop.example/back?order=7", *sign,
        )  # fmt: skip
        walk = ("sandbox", "authorize", link, "--buyer", "b@x.example", "--password-env", "PASSWORD")

        refused = await command(*walk, "--method", "ACH", settings=settings)
        assert (refused.status, refused.out) == (1, "")
        assert "does not take ACH" in refused.complaint
        back = parse_qs(urlsplit(await done(*walk)).query)
        assert (back["order"], back["status"], back["city"]) == (["7"], ["SC"], ["Springfield"])

        other = await done(
            "sandbox", "sign", "cobranded", "pipelineName=SetupPostpaid", "callerReferenceSender=s-2",
            "callerReferenceSettlement=t-2", "creditLimit=5", "globalAmountLimit=50",
            "returnURL=https://shop.example/back", *sign,
        )  # fmt: skip
        walk = ("sandbox", "authorize", other, "--buyer", "b@x.example", "--password-env", "PASSWORD")
        wrong = await command(*walk, settings=settings | {"PASSWORD": "not the password"})
        assert wrong.status == 1
        assert "do not match" in wrong.complaint
        left = parse_qs(urlsplit(await done(*walk, "--leave")).query)
        assert left["status"] == ["A"]
        spoilt = await command(*walk[:2], other.replace("creditLimit=5", "creditLimit=6"), *walk[3:], settings=settings)
        assert spoilt.status == 1
        assert "Invalid Signature" in spoilt.complaint

        await done(
            "account", "create", "--kind", "business", "--email", "r@x.example", "--name", "Band",
            "--password-env", "PASSWORD",
        )  # fmt: skip
        receive = await done(
            "sandbox", "sign", "cobranded", "pipelineName=Recipient", "callerReference=r-1", "recipientPaysFee=True",
            "returnURL=https://shop.example/back", *sign,
        )  # fmt: skip
        back = parse_qs(
            urlsplit(
                await done("sandbox", "authorize", receive, "--buyer", "r@x.example", "--password-env", "PASSWORD")
            ).query
        )
        assert (back["status"], len(back["tokenID"][0])) == (["SR"], 64)
        await done("account", "set-password", "--account", "s@x.example", "--password-env", "PASSWORD")
        picture = data_directory / "logo.png"
        picture.write_bytes(png(10, 10))
        set_logo = await done("account", "set-logo", "--account", "s@x.example", "--file", str(picture), "--json")
        async with httpx.AsyncClient() as browser:
            shown = await browser.get(f"http://127.0.0.1:{port}/logos/{json.loads(set_logo)['logo']}")
        assert (shown.content, shown.headers["content-type"]) == (picture.read_bytes(), "image/png")

        made = await done("account", "create", "--kind", "personal", "--email", "robin.s@x.example", "--json")
        robin = json.loads(made)
        assert robin["name"] == "Robin S"
        assert len(robin["password"]) == 52
        for buyer in (robin["email"], "unknown@x.example"):  # who gives no password has the one that is made up
            offer = await done(
                "sandbox", "sign", "cobranded", "pipelineName=SetupPrepaid", "fundingAmount=10.00",
                f"callerReferenceSender=s-{buyer}", f"callerReferenceFunding=f-{buyer}",
                "returnURL=https://shop.example/back", *sign,
            )  # fmt: skip
            back = parse_qs(urlsplit(await done("sandbox", "authorize", offer, "--buyer", buyer)).query)
            assert back["status"] == ["SC"]

        added = json.loads(await done("sandbox", "deposit", "50", "--buyer", "b@x.example", "--json"))
        assert added == {"added": "50.000000", "balance": "50.000000", "currency": "USD"}
        assert "The books balance." in await done("verify")
