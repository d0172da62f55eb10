"""What a machine is told about its clock, its disk and who may read its files."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.services.checkup.items import CheckItem, ItemStanding
from tallystick.services.checkup.machine import kernel_keeps_clock, machine_items, open_to_all
from tallystick.services.process.disk import Room
from tallystick.settings import ENVIRONMENT, Origin, Settings, from_environment

ROOM = Room(Path("/data"), total=100 << 30, free=50 << 30)
GOOD, MISSING, PEOPLE = ItemStanding.GOOD, ItemStanding.MISSING, ItemStanding.FOR_PEOPLE


def found(settings: Settings, room: Room | None = ROOM, *, kept: bool | None = True) -> dict[str, CheckItem]:
    return {item.name: item for item in machine_items(settings, lambda _: room, lambda: kept)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    return Settings(data_directory=directory)


def test_a_machine_without_a_fault_has_no_item_that_is_missing(settings: Settings) -> None:
    items = found(replace(settings, master_key=bytes(32)))
    assert {name: item.standing for name, item in items.items()} == dict.fromkeys(
        ("settings", "time service", "disk", "master key", "permissions"), GOOD
    )
    assert items["settings"].text == "all are as by default"
    assert items["disk"].text == "51200 MB of 102400 MB are left for /data"


def test_where_settings_come_from_is_told(settings: Settings) -> None:
    origins = {
        "port": Origin("/etc/tallystick/tallystick.toml", "port", 9000),
        "host": Origin(ENVIRONMENT, "host", "192.0.2.1"),
    }
    told = found(replace(settings, origins=origins))["settings"].text
    assert told == "from /etc/tallystick/tallystick.toml and 1 variable of the environment"


@pytest.mark.parametrize(
    ("kept", "told"), [(False, "knows of nothing that keeps its clock right"), (None, "does not say whether its clock")]
)
def test_a_clock_that_nobody_keeps_is_for_people_to_see_to(kept: bool | None, told: str, settings: Settings) -> None:
    item = found(settings, kept=kept)["time service"]
    assert item.standing is PEOPLE
    assert told in item.text
    assert "chrony" in item.text


def test_the_kernel_is_asked_and_its_clock_left_as_it_is() -> None:
    assert kernel_keeps_clock() is kernel_keeps_clock()


def test_a_disk_that_is_nearly_full_is_told(settings: Settings) -> None:
    item = found(settings, replace(ROOM, free=1 << 30))["disk"]
    assert item.standing is MISSING
    assert "make room" in item.text
    assert found(settings, None)["disk"].standing is PEOPLE


def test_a_master_key_is_looked_at_and_never_made(settings: Settings) -> None:
    assert found(settings)["master key"].standing is PEOPLE
    assert not settings.key_file.exists()

    settings.key_file.write_bytes(base64.b64encode(bytes(32)))
    settings.key_file.chmod(0o644)
    item = found(settings)["master key"]
    assert (item.standing, "chmod 600" in item.text) == (MISSING, True)
    settings.key_file.chmod(0o600)
    assert found(settings)["master key"].standing is GOOD
    told = found(replace(settings, master_key_command=("false",)))["master key"]
    assert (told.standing, told.text) == (MISSING, "the command for the master key failed with status 1")


def test_a_data_directory_that_others_may_look_into_is_told(settings: Settings) -> None:
    settings.data_directory.chmod(0o750)
    item = found(settings)["permissions"]
    assert (item.standing, f"chmod 700 {settings.data_directory}" in item.text) == (MISSING, True)
    settings.data_directory.chmod(0o710)  # as root has it, for the user of the embedded server
    assert found(settings)["permissions"].standing is GOOD


def test_a_file_with_a_secret_that_every_user_may_read_is_told(settings: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o644)
    given = {"TALLYSTICK_METRICS_TOKEN_FILE": str(secret)}
    read = replace(from_environment(given), data_directory=settings.data_directory)
    assert read.origins["metrics_token"].file == secret

    tmp_path.chmod(0o700)  # nobody else comes as far as the file
    assert not open_to_all(secret)
    assert "secret file" not in found(read)
    assert open_to_all(Path("/etc/passwd"))
    passwords = replace(
        read, origins={"metrics_token": Origin(ENVIRONMENT, "metrics_token_file", "", Path("/etc/passwd"))}
    )
    item = found(passwords)["secret file"]
    assert (item.standing, "chmod 640 /etc/passwd" in item.text) == (PEOPLE, True)
