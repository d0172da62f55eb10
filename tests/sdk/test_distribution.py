"""The distribution that sellers install: its wheel, by itself, without the service."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

from packaging.requirements import Requirement
from tests.support.paths import ROOT

from tallystick_client import __version__

PROJECT = ROOT / "clients" / "python"
PROGRAM = """
import sys
from tallystick_client.testing import FakeTallystick
fake = FakeTallystick()
ts = fake.client()
auth = ts.authorizations.create(kind="prepaid", limit="25.00", return_url="https://shop.example/back")
fake.agree(auth.id)
ts.top_ups.create(authorization=auth.id, amount="10.00").wait()
ts.charges.create(authorization=auth.id, amount="0.25")
print(ts.authorizations.get(auth.id).available, "tallystick" in sys.modules)
"""


def test_the_wheel_has_what_it_needs_and_nothing_of_the_service(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(PROJECT, sources, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(  # noqa: S603 - the builder that the lock names
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=sources,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"tallystick_client-{__version__}-py3-none-any.whl"
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    (told,) = installed.glob("*.dist-info/METADATA")
    metadata = message_from_string(told.read_text("utf-8"))
    needs = {Requirement(one).name for one in metadata.get_all("requires-dist", [])}
    assert (metadata["name"], metadata["requires-python"], needs) == (
        "tallystick-client",
        ">=3.11",
        {"httpx", "msgspec"},
    )
    modules = {path.name for path in (PROJECT / "src" / "tallystick_client").rglob("*.py")}
    assert {path.name for path in installed.rglob("*.py")} == modules
    assert (installed / "tallystick_client" / "py.typed").is_file()
    ran = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "9.75 False\n"


def test_both_wheels_have_the_client_from_the_same_place() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    built = whole["tool"]["hatch"]["build"]
    assert "clients/python/src/tallystick_client" in built["targets"]["wheel"]["packages"]
    assert built["dev-mode-dirs"] == ["src", "clients/python/src"]
    own = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    served = {Requirement(one).name: str(Requirement(one).specifier) for one in whole["project"]["dependencies"]}
    for need in map(Requirement, own["project"]["dependencies"]):
        assert served[need.name] == str(need.specifier)  # the service has what its sample shop needs
