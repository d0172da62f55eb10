"""Every action of the audit log has its words, and there are no words for others."""

from __future__ import annotations

from tallystick.services.operations.account_standing import CHANGES
from tallystick.services.operations.audit import ACTIONS
from tallystick.web.admin import account_changes
from tallystick.web.common.audit_words import ACTION_WORDS


def test_every_kind_of_deed_has_its_words() -> None:
    assert ACTION_WORDS.keys() == ACTIONS


def test_every_change_of_an_account_has_its_words() -> None:
    assert account_changes.CHANGES.keys() == CHANGES.keys()
