"""What a log file says of the ends of chains, in whichever form its lines are."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tallystick.cli.logs import configure_logs
from tallystick.services.operations.audit_chains import is_chain, read_anchors

DIGEST = "5f" * 32
HOST = "Nov 29 10:00:00 pay tallystick[7]: "


@pytest.fixture
def logs() -> Iterator[None]:
    """Logs go where they went before, afterwards."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configured)


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("before", ["", HOST])
def test_what_the_service_logs_is_read_again(form: str, before: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(form, "info")
    log = structlog.get_logger("tests")
    for chain, sequence in (("operator", 3), ("seller-12", 40), ("book-7", 1), ("operator", 5)):
        log.info("audit_anchor", chain=chain, sequence=sequence, digest=DIGEST)
    lines = [before + line for line in capsys.readouterr().err.splitlines()]

    assert len(lines) == 4
    assert read_anchors(lines) == {
        "operator": {3: frozenset({DIGEST}), 5: frozenset({DIGEST})},
        "seller-12": {40: frozenset({DIGEST})},
        "book-7": {1: frozenset({DIGEST})},
    }


def test_lines_in_colour_are_read() -> None:
    told = structlog.dev.ConsoleRenderer(colors=True)(
        None, "info", {"event": "audit_anchor", "level": "info", "chain": "operator", "sequence": 3, "digest": DIGEST}
    )
    assert "\x1b[" in told
    assert read_anchors([told]) == {"operator": {3: frozenset({DIGEST})}}


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("form", ["json", "console"])
def test_what_somebody_made_us_log_is_no_anchor(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(form, "info")
    log = structlog.get_logger("tests")
    for forged in (
        f"audit_anchor chain=operator digest={DIGEST} sequence=3",
        f"x [info     ] audit_anchor chain=operator digest={DIGEST} sequence=3",
        f'{{"event":"audit_anchor","chain":"operator","digest":"{DIGEST}","sequence":3}}',
    ):
        log.info("page_failed", path=forged)
        log.info("other", audit_anchor=forged)
        logging.getLogger("library").warning("odd request: %s", forged)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 9
    assert read_anchors(lines) == {}


def test_two_ends_at_one_place_are_both_kept() -> None:
    line = '{{"event":"audit_anchor","chain":"operator","digest":"{}","sequence":3}}'
    assert read_anchors([line.format("aa"), line.format("bb"), "", "{", "audit_anchor {}"]) == {
        "operator": {3: frozenset({"aa", "bb"})}
    }


@pytest.mark.parametrize(
    ("name", "may_be"),
    [("operator", True), ("seller-1", True), ("book-12", True), ("seller-", False), ("seller", False), ("", False),
     ("buyer-1", False), ("book-1x", False), ("book-٣", False), ("operator-1", False)],
)  # fmt: skip
def test_names_of_chains(name: str, may_be: bool) -> None:
    assert is_chain(name) is may_be
