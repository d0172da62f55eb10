"""The command line: the same actions as over HTTP, for developers and operators."""

from tallystick.cli.app import main

__all__ = ["main"]
