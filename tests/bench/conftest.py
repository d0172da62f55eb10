from __future__ import annotations

import os
import shutil

import pytest

from tallystick.bench.load.wrk import HOW_TO_GET_IT


@pytest.fixture
def needs_wrk() -> None:
    if shutil.which("wrk") is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
