"""What a start that came to nothing left in the log tells whether to try again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.db.embedded.guard import empty_long_log
from tallystick.db.embedded.server_log import is_full, log_ends, log_since, was_killed

BEGAN = "2026-11-29 10:00:00 UTC [12] LOG:  starting PostgreSQL 18.1 on x86_64-pc-linux-gnu\n"
IN_RECOVERY = "LOG:  database system was not properly shut down; automatic recovery in progress\n"
BY_SIGNAL = "LOG:  startup process (PID 13) was terminated by signal 9: Killed\n"
TOO_EARLY = "FATAL:  the database system is not yet accepting connections\n"
BROKEN = "FATAL:  could not locate a valid checkpoint record at 0/1000028\n"
ABORTED = "LOG:  startup process (PID 13) was terminated by signal 6: Aborted\n"


@pytest.mark.parametrize(
    ("log", "killed"),
    [
        (BEGAN + IN_RECOVERY, True),
        (BEGAN + IN_RECOVERY + TOO_EARLY, True),
        (BEGAN + IN_RECOVERY + BY_SIGNAL, True),
        (BEGAN + BROKEN + ABORTED, False),
        (BEGAN + BROKEN, False),
        ("postgres: could not access directory\n", False),
        ('FATAL:  configuration file "postgresql.conf" contains errors\n', False),
    ],
)
def test_a_start_that_was_killed_is_told_from_one_that_failed(log: str, *, killed: bool) -> None:
    assert was_killed(log) is killed


def test_a_full_disk_is_seen() -> None:
    assert is_full('PANIC:  could not write to file "pg_wal/xlogtemp.29": No space left on device\n')
    assert not is_full(BEGAN + BROKEN)


def test_only_what_was_written_since_is_read(tmp_path: Path) -> None:
    monday, tuesday = tmp_path / "postgresql-Mon.log", tmp_path / "postgresql-Tue.log"
    monday.write_text("old\n" * 10)
    tuesday.write_text("of last week\n" * 10)
    ends = log_ends(tmp_path)
    with monday.open("a") as file:
        file.write("new on Monday\n")
    tuesday.write_text("new on Tuesday\n")  # used again
    assert sorted(log_since(tmp_path, ends).splitlines()) == ["new on Monday", "new on Tuesday"]


def test_a_log_that_has_become_long_is_emptied(tmp_path: Path) -> None:
    short, long = tmp_path / "postgresql-Mon.log", tmp_path / "postgresql-Tue.log"
    short.write_bytes(b"x" * 100)
    long.write_bytes(b"x" * 1000)
    with long.open("ab") as server:  # which writes on at the end, as PostgreSQL does
        empty_long_log(tmp_path, max_bytes=500)
        server.write(b"after")
    assert short.stat().st_size == 100
    assert long.read_bytes() == b"after"
    empty_long_log(tmp_path, max_bytes=500)
    assert long.read_bytes() == b"after"
