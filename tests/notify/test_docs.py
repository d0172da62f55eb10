"""The page on notifications keeps up with the program."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.notify.test_message import EVENT, record, signer
from tests.support.paths import ROOT

from tallystick.domain.messages.signed_messages import MessageSigner, sign_message
from tallystick.notify import delivery, message, safety
from tallystick.services.consent.parameters import ADDRESS

PAGE = (ROOT / "docs" / "notifications.md").read_text("utf-8")


def documented() -> set[str]:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"\w+", row)}


def test_every_parameter_has_its_line() -> None:
    using: MessageSigner = signer()
    address = dict.fromkeys(ADDRESS, "x")
    agreed = message.ConsentDetails(address=address, by_button=True, order_reference="order 7")
    fields = message.transaction_fields(EVENT, record(operation="Pay", caller_description="Song 7"), agreed)
    sent = sign_message(using, "POST", EVENT.destination, fields, "1").params
    assert sent.keys() | {"tokenId", "tokenType", "dateInstalled"} == documented()


def test_every_operation_is_named() -> None:
    for spelt in {*message.OPERATIONS.values(), "CANCEL", "CANCEL_TRANSACTION"} - {"DEPOSIT_FUNDS"}:
        assert f"`{spelt}`" in PAGE


def test_the_figures_are_those_of_the_program() -> None:
    assert tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60)) == delivery.PAUSES
    assert "1, 2, 5, 15, 30 and 60 minutes" in PAGE
    assert f"{safety.MAX_ANSWER_BYTES // 1024} KiB" in PAGE
