from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.owner import TEST_DIRECTORY

from tallystick.bench.load.wrk import HOW_TO_GET_IT
from tallystick.db.embedded.server import EmbeddedPostgres


@pytest.fixture
def needs_wrk() -> None:
    if shutil.which("wrk") is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)


@pytest.fixture(scope="session")
def durable() -> Iterator[str]:
    """A server that keeps what it commits, as only such a one is measured: the address of its superuser.

    The tests of a worker share it; those that fill a database each have one of their own on it.
    """
    directory = Path(tempfile.mkdtemp(dir=os.environ[TEST_DIRECTORY]))
    with EmbeddedPostgres(directory) as server:
        yield server.admin_dsn
    shutil.rmtree(directory, ignore_errors=True)
