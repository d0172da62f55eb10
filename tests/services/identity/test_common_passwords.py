"""Passwords that everybody tries first are refused, and others are not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tallystick.services.identity.common_passwords import is_common, load
from tallystick.services.identity.sign_in import PASSWORD_LENGTH, password_problem


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc",
        "Justinbieber",
        "password1234",
        "Password!2027",
        "P@ssw0rd12345",
        "dragondragon",
        "!!superman2027!!",
    ],
)
def test_what_leaks_most_often_is_refused_however_it_is_dressed_up(password: str) -> None:
    assert is_common(password)
    assert password_problem(password, "ann@people.example", "Ann Person") is not None


@pytest.mark.parametrize("password", ["an entirely different sentence", "tr7-Kq92-mzLw", "dragon eats superman"])
def test_others_are_not(password: str) -> None:
    assert not is_common(password)
    assert password_problem(password, "ann@people.example", "Ann Person") is None


def test_every_password_of_the_list_that_is_long_enough_is_refused() -> None:
    long = [one for one in load().splitlines() if len(one) in PASSWORD_LENGTH]

    assert len(long) > 100
    assert all(password_problem(one, "ann@people.example", "Ann Person") for one in long)


def test_two_of_the_list_are_no_password_of_it() -> None:
    listed = load().split()
    first, second = next(pair for pair in pairwise(listed) if "".join(pair).isalpha())
    assert is_common(first)
    assert is_common(second)
    assert not is_common(f"{first}\n{second}")
    assert not is_common("")
