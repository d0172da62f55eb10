"""Usage limits of a token to and from the jsonb column that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.periods import Period


def limits_to_json(limits: Sequence[UsageLimit]) -> str:
    """JSON text for the column. As text, because an array of arrays would be taken for one array."""
    values = [
        {
            "kind": limit.kind.value,
            "limit": limit.limit,
            "period": None if limit.period is None else str(limit.period),
            "anchor": limit.anchor.isoformat(),
            "window_start": limit.window_start.isoformat(),
            "used": limit.used,
            "used_before": limit.used_before,
        }
        for limit in limits
    ]
    return msgspec.json.encode(values).decode()


def limits_from_json(values: Sequence[dict[str, Any]]) -> tuple[UsageLimit, ...]:
    """The limits that the column holds."""
    return tuple(
        UsageLimit(
            kind=LimitKind(value["kind"]),
            limit=value["limit"],
            period=None if value["period"] is None else Period.parse(value["period"]),
            anchor=datetime.fromisoformat(value["anchor"]),
            window_start=datetime.fromisoformat(value["window_start"]),
            used=value["used"],
            used_before=value["used_before"],
        )
        for value in values
    )


def limits_from_text(text: str) -> tuple[UsageLimit, ...]:
    """The limits that the column holds, read as text: most tokens have none."""
    return () if text == "[]" else limits_from_json(msgspec.json.decode(text))
