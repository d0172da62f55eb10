"""The command line: the same actions as over HTTP, for developers and operators."""

import sys


def main() -> None:
    """Run a command. `tallystick.cli.app` is imported here, so that Ctrl-C during the import is handled, too."""
    try:
        from tallystick.cli.app import main as run  # noqa: PLC0415 - it is within the try

        run()
    except KeyboardInterrupt:
        sys.exit(130)
