"""The log of a service whose disk is full, or whose database is gone, stays short, and tells what it left out."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg
import pytest
import structlog

from tallystick.cli.log_limits import AT_ONCE, LineLimits

FULL = asyncpg.DiskFullError("could not extend file: No space left on device")


@dataclass
class Log:
    """Loggers as the program has them, with a clock of the test's; what passes is in `lines`."""

    now: float = 0.0
    lines: list[dict[str, object]] = field(default_factory=list)
    handler: logging.Handler = field(init=False)

    def __post_init__(self) -> None:
        self.handler = logging.Handler()
        self.handler.addFilter(LineLimits(lambda: self.now))
        self.handler.emit = self._keep  # type: ignore[method-assign]

    def _keep(self, record: logging.LogRecord) -> None:
        self.lines.append(dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()})

    def logger(self, name: str) -> structlog.stdlib.BoundLogger:
        logger = logging.getLogger(f"tests.log_limits.{name}")
        logger.handlers, logger.propagate = [self.handler], False
        made: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            logger, processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
        )
        return made


def fail() -> None:
    raise ExceptionGroup("asking rails", [FULL])


@pytest.fixture
def log() -> Iterator[Log]:
    yield Log()
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("tests.log_limits.")]:
        logging.getLogger(name).handlers.clear()


def test_a_full_disk_is_told_in_one_line_a_minute_whoever_meets_it(log: Log) -> None:
    api, worker, committer = log.logger("api"), log.logger("worker"), log.logger("committer")
    for _ in range(100):
        api.error("database_unavailable", traceback=f"Traceback …\n  File …\nasyncpg.exceptions.DiskFullError: {FULL}")
        committer.warning("group_failed", error=repr(FULL))
        try:
            fail()
        except ExceptionGroup:
            worker.error("worker_pass_failed", exc_info=True)
        log.logger("files").error("archive_failed", error=repr(OSError(errno.ENOSPC, "No space left on device")))
        log.now += 0.1
    assert [line["event"] for line in log.lines] == ["database_unavailable"]
    assert "traceback" not in log.lines[0]
    assert "No space left on device" in str(log.lines[0]["error"])

    log.now += 60
    worker.error("worker_pass_failed", exc_info=FULL)
    assert log.lines[1]["event"] == "worker_pass_failed"
    assert log.lines[1]["held_back"] == 399
    assert "exc_info" not in log.lines[1]


def test_a_database_that_is_gone_is_told_once_a_minute_by_each_who_misses_it(log: Log) -> None:
    for _ in range(50):
        log.logger("worker").error("worker_pass_failed", exc_info=ConnectionRefusedError("no"))
        log.logger("heartbeat").warning("pulse_missed", error="ConnectionRefusedError('no')")
    assert [line["event"] for line in log.lines] == ["worker_pass_failed", "pulse_missed"]


def test_other_faults_keep_their_tracebacks_and_pass_until_there_are_too_many(log: Log) -> None:
    for number in range(3 * AT_ONCE):
        log.logger("api").error("call_failed", traceback="Traceback …\nKeyError: 'x'", request_id=number)
    log.logger("api").error("call_failed", traceback="Traceback …\nValueError: other", request_id=77)
    assert [line["request_id"] for line in log.lines] == [*range(AT_ONCE), 77]
    assert log.lines[0]["traceback"]

    log.now += 60 / AT_ONCE
    log.logger("api").error("call_failed", traceback="Traceback …\nKeyError: 'x'", request_id=78)
    assert log.lines[-1]["held_back"] == 2 * AT_ONCE


def test_what_is_no_warning_always_passes_and_plain_loggers_count_too(log: Log) -> None:
    plain = logging.getLogger("tests.log_limits.plain")
    plain.handlers, plain.propagate = [log.handler], False
    plain.setLevel(logging.INFO)
    for number in range(2 * AT_ONCE):
        plain.info("number %d", number)
        plain.warning("the server did not stop: %s", number)
    told = [str(line["event"]) for line in log.lines]
    assert sum(text.startswith("number") for text in told) == 2 * AT_ONCE
    assert sum(text.startswith("the server") for text in told) == AT_ONCE

    log.now += 60
    plain.warning("the server did not stop: %s", "again")
    assert log.lines[-1]["event"] == f"the server did not stop: again (held_back: {AT_ONCE})"
