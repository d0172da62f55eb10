"""Secrets that a command prints, such as one that asks a key management service."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import Final

COMMAND_SECONDS: Final = 30
_OURS: Final = "TALLYSTICK_"


def parse_command(text: str) -> tuple[str, ...]:
    """A command as its words; no shell reads it. Raises ValueError."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        words = ()
    if not words:
        raise ValueError("must be a command with its arguments, quoted as in a shell")
    return words


def told_by(command: Sequence[str]) -> str:
    """What the command prints on standard output. It gets our environment without our settings.

    Blocks for COMMAND_SECONDS at most. Raises ValueError, whose text follows "the command …" and never repeats what the
    command said: that may be a secret.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    try:
        ran = subprocess.run(  # noqa: S603 - the operator's command, no shell
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=COMMAND_SECONDS,
            env=environment,
        )
    except OSError as error:
        raise ValueError(f"cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"said nothing for {COMMAND_SECONDS} seconds") from None
    if ran.returncode != 0:
        raise ValueError(f"failed with status {ran.returncode}")
    try:
        return ran.stdout.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("printed something else than text") from None
