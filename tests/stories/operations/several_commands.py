"""Runs several commands one after the other in one process, each with its own environment and standard input.

Reads lines with JSON [arguments, settings, typed] from standard input, answers each with a line of JSON [status, out,
complaint].
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from tallystick.cli import main


def run(arguments: list[str], settings: dict[str, str], typed: str) -> tuple[object, str, str]:
    usual = dict(os.environ)
    os.environ.update(settings)
    sys.argv, sys.stdin = ["tallystick", *arguments], io.StringIO(typed)
    status: object = 0
    with (
        redirect_stdout(io.TextIOWrapper(io.BytesIO(), write_through=True)) as out,
        redirect_stderr(io.TextIOWrapper(io.BytesIO(), write_through=True)) as complaint,
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    os.environ.clear()
    os.environ.update(usual)
    return status, written(out), written(complaint)


def written(stream: io.TextIOWrapper[io.BytesIO]) -> str:
    return stream.buffer.getvalue().decode()


if __name__ == "__main__":
    asked, told = sys.stdin, sys.stdout
    for line in asked:
        told.write(json.dumps(run(*json.loads(line))) + "\n")
        told.flush()
