"""Tests that make whole machines: they are run when they are asked for, `./run test --image`."""

from __future__ import annotations

import os
import shutil

import pytest

ASKED = "TALLYSTICK_TEST_IMAGE"


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip unless these tests are asked for, and this machine has what they take."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not os.environ.get(ASKED):
        reason = "takes minutes and packages of Debian: ./run test --image"
    elif os.geteuid() != 0:
        reason = "only root makes machines"
    else:
        reason = f"not installed: {', '.join(missing)}"
    return pytest.mark.skipif(not os.environ.get(ASKED) or os.geteuid() != 0 or bool(missing), reason=reason)
