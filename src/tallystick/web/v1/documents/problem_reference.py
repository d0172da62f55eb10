"""The reference of the problems of /v1, an anchor for each code: the second part of docs/errors.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tallystick.domain.refusals import Refusal, Retry
from tallystick.web.api.error_reference import ONCE, error_reference
from tallystick.web.v1.problems import CODES, CONFLICT, LATER, LIMIT, MONEY, OWN, RULE

_HEAD: Final = """
## Problems of the JSON interface

What [JSON over HTTP](json-api.md) answers, by its `code`. After 402, 409, 422, 429 and 503 the `Idempotency-Key` is not
spent: where it says so below, the same request under the same key may succeed later.
"""
_SPENDS_NO_KEY: Final = frozenset({MONEY, CONFLICT, RULE, LIMIT, LATER})


def problem_reference() -> str:
    """The part about /v1, Markdown."""
    refusals: dict[str, list[Refusal]] = {code: [] for code in OWN}
    for refusal, (_, code) in CODES.items():
        refusals.setdefault(code, []).append(refusal)
    return "\n".join((_HEAD, *(part for code in sorted(refusals) for part in _section(code, refusals[code]))))


def _section(code: str, refusals: list[Refusal]) -> Iterator[str]:
    yield f"### {code}\n"
    if code in OWN:
        yield f"HTTP {OWN[code][0]}: {OWN[code][1]}.\n"
    else:
        yield f"HTTP {CODES[refusals[0]][0]}: {refusals[0].meaning}.\n"
    for refusal in refusals:
        meaning = f": {refusal.meaning}" if code in OWN or refusal is not refusals[0] else ""
        yield f"* `{refusal.name}` in the query API{meaning}.{_later(refusal)}"
    if refusals:
        yield ""


def _later(refusal: Refusal) -> str:
    """Whether the same request may succeed later, and once what has happened."""
    if refusal.retry is Retry.NO or CODES[refusal][0] not in _SPENDS_NO_KEY:
        return ""
    once = ONCE.get(refusal, "")
    return " The same request may succeed later" + (f", once {once}." if once else ".")


if __name__ == "__main__":  # python -m tallystick.web.v1.documents.problem_reference > docs/errors.md
    print(error_reference() + problem_reference(), end="")  # noqa: T201 - that is what it is for
