"""The environment of the programs that come with PostgreSQL: nothing of ours but where programs are."""

from __future__ import annotations

import os


def bare_environment() -> dict[str, str]:
    """Where programs are, and a locale in which they say what is written in them.

    Our own environment may hold passwords and the master key. What the server has in its environment, every superuser
    of the database can read, and so can programs that it starts.
    """
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
