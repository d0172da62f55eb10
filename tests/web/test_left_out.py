"""What a process that serves pages does not load before somebody needs it."""

import json
import subprocess
import sys

LOADED = """
import json, sys
import tallystick.cli.commands.serve, tallystick.web.app, tallystick.worker
from tallystick.web.common.languages import Pages
Pages([])
print(json.dumps(list(sys.modules)))
"""
LEFT_OUT = {"fpdf", "litestar.plugins.pydantic", "lxml", "nh3", "segno", "stripe", "webauthn", "zxcvbn"}


def test_libraries_that_few_requests_need_are_not_loaded_at_the_start() -> None:
    run = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True
    )
    loaded = set(json.loads(run.stdout))
    assert "tallystick.services.identity.passkeys" in loaded
    assert not loaded & LEFT_OUT
