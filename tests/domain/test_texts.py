"""Nouns beside numbers, in English."""

from __future__ import annotations

import pytest

from tallystick.domain.texts import counted, noun


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 problems"), (1, "1 problem"), (2, "2 problems"), (-1, "-1 problems")]
)
def test_one_is_one_and_all_else_are_several(number: int, said: str) -> None:
    assert counted(number, "problem") == said


def test_what_takes_no_s_is_said() -> None:
    assert [counted(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]
    assert [noun(number, "event is", "events are") for number in (1, 1.5)] == ["event is", "events are"]
