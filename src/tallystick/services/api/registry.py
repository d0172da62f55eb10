"""The table of all actions: what each takes, gives and does. Parsing, rendering, docs and tests loop over it.

Source: docs/protocol/actions.yaml of version 2010-08-28; fields are in the order of that schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.services.api.action import Action
from tallystick.services.api.money_table import MONEY_ACTIONS
from tallystick.services.api.reading_table import BALANCES, TRANSACTIONS
from tallystick.services.api.token_table import SUBSCRIPTIONS, TOKENS

__all__ = ["ACTIONS", "Action"]

ACTIONS: Final[Mapping[str, Action]] = {
    action.name: action for action in (*MONEY_ACTIONS, *BALANCES, *TRANSACTIONS, *TOKENS, *SUBSCRIPTIONS)
}
