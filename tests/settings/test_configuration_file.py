"""The file with the settings: where it is found, what may stand in it, and what counts instead."""

from __future__ import annotations

import base64
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tallystick.settings import (
    CONFIG,
    ENVIRONMENT,
    LISTS,
    NAMES,
    NO_FILE,
    PARSERS,
    SECRETS,
    ConfigurationFile,
    Settings,
    SettingsError,
    find_file,
    from_environment,
    problems_of,
    read_file,
    setting_fields,
    variable_name,
)
from tallystick.settings.configuration_file import SYSTEM_FILE
from tallystick.settings.configuration_template import template, write_template

KEY = base64.b64encode(bytes(range(32))).decode()


def written(directory: Path, text: str, mode: int = 0o600) -> ConfigurationFile:
    path = directory / "tallystick.toml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return read_file(path)


def test_values_are_written_as_toml_has_them(tmp_path: Path) -> None:
    settings = from_environment(
        {},
        written(
            tmp_path,
            """
            port = 9000
            public_url = "https://pay.example.com/"
            sandbox_faults = false
            allowed_hosts = ["fps.example.com", "Pay.Example.com"]
            staff_networks = "10.1.0.0/16"
            unverified_spending_limit = 250.10
            smallest_charge = 0.000001
            unverified_receiving_limit = "0.000001"
            master_key_command = ["kms", "decrypt", "the key"]
            smtp_url = ""
            """,
        ),
    )
    assert settings.port == 9000
    assert settings.public_url == "https://pay.example.com"
    assert not settings.sandbox_faults
    assert settings.allowed_hosts == ("fps.example.com", "pay.example.com")
    assert [str(network) for network in settings.staff_networks or ()] == ["10.1.0.0/16"]
    assert settings.unverified_spending_limit == 250_100_000
    assert settings.smallest_charge == 1
    assert settings.unverified_receiving_limit == 1
    assert settings.master_key_command == ("kms", "decrypt", "the key")
    assert settings.smtp_url is None
    assert {origin.place for origin in settings.origins.values()} == {str(tmp_path / "tallystick.toml")}


def test_the_environment_counts_instead_of_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'port = 9000\nhost = "192.0.2.1"\n')
    settings = from_environment({"TALLYSTICK_PORT": "9001", "TALLYSTICK_HOST": ""}, file)

    assert (settings.port, settings.host) == (9001, "192.0.2.1")
    assert settings.origins["port"].place == ENVIRONMENT
    assert settings.origins["host"].place == str(file.path)


def test_one_way_to_a_secret_in_the_environment_counts_instead_of_another_in_the_file(tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("from-a-file-of-its-own")
    key.write_text(KEY)
    file = written(tmp_path, f'metrics_token = "in-the-configuration"\nmaster_key_file = "{key}"\n')

    settings = from_environment(
        {"TALLYSTICK_METRICS_TOKEN_FILE": str(token), "TALLYSTICK_MASTER_KEY_COMMAND": "kms decrypt"}, file
    )
    assert settings.metrics_token == "from-a-file-of-its-own"
    assert settings.origins["metrics_token"].name == "metrics_token_file"
    assert settings.master_key_command == ("kms", "decrypt")
    assert settings.master_key_file is None
    assert from_environment({}, file).metrics_token == "in-the-configuration"


@pytest.mark.parametrize("setting", SECRETS)
def test_every_secret_can_be_in_a_file_or_told_by_a_command(setting: str, tmp_path: Path) -> None:
    values = {
        "database_url": "postgresql://me:secret@db/tally",
        "owner_database_url": "postgresql://owner:secret@db/tally",
        "further_master_keys": KEY,
        "stripe_secret_key": "sk_live_51Abcdefg",
        "stripe_webhook_secret": "whsec_0123456789",
        "stripe_test_secret_key": "rk_test_51Abcdefg",
        "stripe_test_webhook_secret": "whsec_9876543210",
        "smtp_url": "smtps://me:s%40cret@mail.example:465",
        "metrics_token": "0123456789abcdef",
    }
    others = {name: value for name, value in values.items() if name != setting} | {"mail_from": "pay@example.com"}
    environ = {variable_name(name): value for name, value in others.items()}
    secret = tmp_path / "secret"
    secret.write_text(values[setting] + "\n")
    plain = getattr(from_environment({**environ, variable_name(setting): values[setting]}), setting)

    assert plain
    for way in ({f"{setting}_file": str(secret)}, {f"{setting}_command": f"cat '{secret}'"}):
        ((name, text),) = way.items()
        assert getattr(from_environment({**environ, variable_name(name): text}), setting) == plain
        read = from_environment(environ, written(tmp_path, f'{name} = "{text}"\n'))
        assert getattr(read, setting) == plain
        assert read.origins[setting].name == name


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/no/such/program", "the command cannot be run: No such file or directory"),
        ("false", "the command failed with status 1"),
        ("true", "the command printed nothing"),
        ("'", "must be a command with its arguments"),
        ("echo hunter2", "must be 16 characters or more"),
    ],
)
def test_a_command_that_tells_no_secret_is_named(command: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^TALLYSTICK_METRICS_TOKEN_COMMAND: {message}") as refused:
        from_environment({"TALLYSTICK_METRICS_TOKEN_COMMAND": command})
    assert "hunter2" not in str(refused.value)


def test_a_command_gets_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_SMTP_URL", "smtp://me:hunter2@mail.example")
    told = from_environment(
        {"TALLYSTICK_METRICS_TOKEN_COMMAND": "sh -c 'echo \"no-settings-in-here${TALLYSTICK_SMTP_URL}\"'"}
    )
    assert told.metrics_token == "no-settings-in-here"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 9000", "{file}: unknown setting prot (did you mean port?)"),
        ("TALLYSTICK_PORT = 9000", "{file}: unknown setting TALLYSTICK_PORT (did you mean port?)"),
        ("metrics_token_fil = '/x'", "{file}: unknown setting metrics_token_fil (did you mean metrics_token_file?)"),
        ("xyzzyq = 1", "{file}: unknown setting xyzzyq; known are allow_private_notification_targets, "),
        ("[server]\nport = 9000", "server in {file}: settings stand in one table, without headings such as [server]"),
        ("port = [1, 2]", "port in {file}: must be one value, not a list"),
        ("port = 2026-01-01", "port in {file}: must be a text in quotes"),
        ("port = 0", "port in {file}: must be a whole number from 1 to 65535, not '0'"),
        ("port = 1.5", "port in {file}: must be a whole number from 1 to 65535, not '1.5'"),
        ("port = 1\nport = 2", "{file} is no TOML: Cannot overwrite a value"),
        ("port 1", "{file} is no TOML: "),
        ("smtp_url = 'smtp://mail.example'", "smtp_url in {file} needs mail_from"),
        ("payout_rail = 'file'", "files of payouts need payout_sender_name and payout_sender_iban"),
        (
            "metrics_token = '0123456789abcdef'\nmetrics_token_file = '/x'",
            "metrics_token in {file} and metrics_token_file in {file} are two sources of one secret; give one",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment({}, written(tmp_path, text))
    assert str(refused.value).startswith(message.format(file=tmp_path / "tallystick.toml"))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "prot = 1\nport = 0\nlog_level = 'loud'\n")
    problems = problems_of({"TALLYSTICK_LOG_FORMAT": "xml"}, file)

    assert problems.pop(0) == f"{file.path}: unknown setting prot (did you mean port?)"
    assert [problem.split(":")[0] for problem in problems] == [
        f"port in {file.path}",
        "TALLYSTICK_LOG_FORMAT",
        f"log_level in {file.path}",
    ]
    assert problems_of({}, written(tmp_path, "port = 9000")) == []


def test_a_file_with_secrets_is_not_for_everybody(tmp_path: Path) -> None:
    secret = "smtp_url = 'smtp://me:hunter2@mail.example'\nmail_from = 'pay@example.com'"
    with pytest.raises(SettingsError, match=r"has smtp_url in it and may be read by every user; run: chmod o-r ") as no:
        from_environment({}, written(tmp_path, secret, 0o644))
    assert "hunter2" not in str(no.value)
    assert from_environment({}, written(tmp_path, secret, 0o640)).smtp_url

    with pytest.raises(SettingsError, match=r"has master_key in it and may be read by every user"):
        from_environment({}, written(tmp_path, f"master_key = '{KEY}'", 0o644))
    with pytest.raises(SettingsError, match=r"has database_url in it and may be read by every user"):
        from_environment({}, written(tmp_path, "database_url = 'postgresql://db.example/t?password=hunter2'", 0o644))
    plain = "database_url = 'postgresql://db.example/tally'\nmetrics_token_file = ''"
    assert from_environment({}, written(tmp_path, plain, 0o644)).database_url
    with pytest.raises(SettingsError, match=r"may be written by every user; run: chmod o-w "):
        from_environment({}, written(tmp_path, plain, 0o646))


def test_the_file_is_found_where_it_is_named_else_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    there = None if not SYSTEM_FILE.exists() else SYSTEM_FILE
    assert find_file({}) == there

    at_home = tmp_path / "config" / "tallystick" / "tallystick.toml"
    write_template(at_home, template())
    named = tmp_path / "named.toml"
    named.touch()
    assert find_file({}) == at_home
    assert find_file({CONFIG: str(named)}) == named
    assert find_file({CONFIG: str(named)}, at_home) == at_home
    assert find_file({CONFIG: NO_FILE}) is None
    assert find_file({CONFIG: NO_FILE}, named) == named
    with pytest.raises(SettingsError, match=r"^there is no file /no/such\.toml$"):
        find_file({CONFIG: "/no/such.toml"})
    with pytest.raises(SettingsError, match=r"^TALLYSTICK_CONFIG: must be an absolute path"):
        find_file({CONFIG: "tallystick.toml"})
    assert from_environment({CONFIG: str(named)}, read_file(named)) == Settings()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_file_of_another_user_counts_only_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    theirs = tmp_path / "tallystick" / "tallystick.toml"
    write_template(theirs, template())
    os.chown(theirs, 54321, 54321)
    with pytest.raises(SettingsError, match=r"belongs to another user \(54321\); if it is meant, name it: --config"):
        find_file({})
    assert find_file({}, theirs) == find_file({CONFIG: str(theirs)}) == theirs


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory"):
        read_file(tmp_path)


def test_names_are_told_apart() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert set(PARSERS) <= set(NAMES)
    assert {"allowed_hosts", "requests_per_minute_by_route"} <= LISTS
    assert all(not setting.repr for setting in setting_fields() if setting.name in SECRETS)


def uncommented(text: str) -> dict[str, Any]:
    lines = [
        line.removeprefix("#") if line.startswith("#") and line[1:2].isalpha() else line for line in text.split("\n")
    ]
    return tomllib.loads("\n".join(lines))


def test_a_new_file_has_every_setting_with_its_default(tmp_path: Path) -> None:
    said = uncommented(template())
    defaults = {
        setting.name: setting.default
        for setting in setting_fields()
        if isinstance(setting.default, str | int) and setting.name != "public_url"
    }
    assert {name: said[name] for name in defaults} == defaults
    assert {name for name, value in said.items() if value == ""} == {"master_key"}, "an example says what is meant"
    named = {name.removesuffix("_file") if name.removesuffix("_file") in SECRETS else name for name in said}
    assert {setting.name for setting in setting_fields()} <= named
    assert set(said) <= set(NAMES)
    assert from_environment({}, written(tmp_path, template())) == Settings()
    examples = [name for name, value in said.items() if name not in SECRETS and name.endswith(("_file", "_command"))]
    given = {name: value for name, value in said.items() if value != "" and name not in examples}
    text = "\n".join(f"{name} = {value!r}" for name, value in given.items() if not isinstance(value, bool))
    assert problems_of({}, written(tmp_path, text)) == []


def test_a_new_file_replaces_none_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "in" / "tallystick.toml"
    write_template(path, template(Path("/var/lib/tallystick")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert from_environment({}, read_file(path)).data_directory == Path("/var/lib/tallystick")

    path.write_text("port = 9000\n")
    with pytest.raises(SettingsError, match=r"is there already; it stays as it is$"):
        write_template(path, template())
    assert path.read_text() == "port = 9000\n"
