"""A charge in JSON is read by the compiled part as by Python, or left to it."""

from __future__ import annotations

import json
import os
import random
import string
from types import ModuleType
from typing import Final

import pytest
from tests.conftest import LONG_TESTS

from tallystick.domain.ids import BookId, IdKind, TokenId, make_token_or_instrument_id
from tallystick.domain.speedups import plain_payments
from tallystick.web.v1.charging import plain

TOKEN: Final = TokenId(make_token_or_instrument_id(IdKind.PREPAID_SENDER, BookId(7), bytes(27)))
VISIBLE: Final = "".join(sorted(set(string.printable[:95]) - set('"\\')))
AMOUNTS: Final = (
    "1",
    "0.01",
    "000.5",
    "999999999999.999999",
    "1000000000000",
    "9999999999999.999999",
    "0",
    "0.0",
    "1.",
)
ODD_AMOUNTS: Final = (".5", "1.0000001", "-1", "+1", "1e3", "1_0", " 1", "٣", "", "1.2.3", "99999999999999", "0.000001")
PIECES: Final = (
    *(b"{", b"}", b":", b",", b'"', b"\\", b"\\n", b"\\u0041", b"null", b"1", b"[]", b" ", b"\n", b"\t", b"\r", b"\0"),
    *(b"\x7f", b"\xff", "é".encode(), "\u2028".encode(), b'"amount"', b'"note":"x",', b',"currency":"USD"', b"\x0b"),
)
TAKEN: Final = [
    *({"authorization": "A", "amount": amount} for amount in AMOUNTS[:4]),
    {"authorization": TOKEN, "amount": "0.25", "currency": "USD", "description": "d" * 160, "note": VISIBLE},
    {"note": "", "description": "", "amount": "0.000001", "authorization": ""},
]


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    if plain_payments is None:
        pytest.skip("nothing was compiled: there was no C compiler at installation, or it was told to stay away")
    return plain_payments


def charges(dice: random.Random) -> bytes:
    """A body that is nearly right."""
    letters = VISIBLE + 'é\u2028\x7f"\\\n' * (dice.random() < 0.1)
    whole = {
        "authorization": "".join(dice.choices(string.ascii_uppercase, k=dice.choice([0, 5, 64, 65]))),
        "amount": dice.choice(AMOUNTS + ODD_AMOUNTS * (dice.random() < 0.2)),
        "currency": "USD" if dice.random() < 0.9 else dice.choice(["EUR", "", "usd"]),
        "description": "".join(dice.choices(letters, k=dice.choice([0, 1, 20, 159, 160, 161]))),
        "note": "".join(dice.choices(letters, k=dice.choice([0, 1, 160]))),
        "timeout_minutes": "1",
    }
    names = dice.sample(list(whole), k=dice.randrange(6))
    asked = {"authorization": whole["authorization"], "amount": whole["amount"]} | {
        name: whole[name] for name in names if name != "timeout_minutes" or dice.random() < 0.1
    }
    indent = dice.choice([None, None, 1, "\t"])
    body = json.dumps(asked, ensure_ascii=False, indent=indent).encode()
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        place = dice.randrange(len(body) + 1)
        body = body[:place] + dice.choice(PIECES) + body[place + dice.choice([0, 1, 3]) :]
    return body


def test_bodies_are_read_as_in_python(reader: ModuleType) -> None:
    dice = random.Random(os.environ.get("TALLYSTICK_SEED", "bodies"))  # noqa: S311 - chance that can be had again
    count = 100_000 if os.environ.get(LONG_TESTS) else 5_000
    taken = 0
    for _ in range(count):
        body = charges(dice)
        read = reader.read_charge(body)
        assert read is None or read == plain.read_charge_in_python(body), body
        assert plain.read_charge(body) == plain.read_charge_in_python(body), body
        taken += read is not None
    assert count / 5 < taken < count


@pytest.mark.parametrize("asked", TAKEN, ids=range(len(TAKEN)))
def test_plain_bodies_are_not_left_to_python(reader: ModuleType, asked: dict[str, str]) -> None:
    for indent in (None, 1, "\r\n\t"):
        body = json.dumps(asked, indent=indent).encode()
        read = reader.read_charge(body)
        assert read is not None
        assert read == plain.read_charge_in_python(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"authorization":"A","amount":"1","amount":"1"}',
        b'{"authorization":"A","authorization":"B","amount":"1"}',
        b'{"authorization":"A","amount":"1","note":"n","note":"m"}',
        b'{"authorization":"A","amount":"1","more":"1"}',
        b'{"authorization":"A","amount":"1"}{}',
        b'{"authorization":"A","amount":"1",}',
        b'{"authorization":"A","amount":1}',
        b'{"authorization":"A"}',
        b'{"amount":"1"}',
        b'["authorization","A","amount","1"]',
        b"{}",
        b"",
    ],
)
def test_what_is_not_plain_is_left_by_both(reader: ModuleType, body: bytes) -> None:
    assert reader.read_charge(body) is None
    assert plain.read_charge_in_python(body) is None


@pytest.mark.parametrize(
    "texts",
    [
        (None, "r", None),
        (VISIBLE, "r" * 128, "d" * 160),
        ("n" * 161, "r", None),
        (None, 'quotation "mark"', None),
        (None, "r", "back\\slash"),
        ("é", "r", None),
        (None, "r" * 129, None),
        (None, "r", "d" * 161),
    ],
)
@pytest.mark.parametrize("micros", [1, 10_000, 250_000, 1_000_001, 10**18 - 1])
def test_digests_are_made_as_in_python(
    reader: ModuleType, texts: tuple[str | None, str, str | None], micros: int
) -> None:
    note, reference, description = texts
    body = ("A", micros, description, note)

    expected = plain.digest_in_python(reference, TOKEN, body)

    assert plain.digest(reference, TOKEN, body) == expected
    is_plain = all(text is None or set(text) <= set(VISIBLE) for text in texts)
    fits = len(reference) <= 128 and all(len(text or "") <= 160 for text in (note, description))
    made = reader.digest_of_pay(note, reference, description, TOKEN, micros)
    assert made == (expected if is_plain and fits else None)


def test_a_digest_is_the_one_that_0_1_has_kept() -> None:
    """Else a request that is repeated after an update would be taken for another one with its reference."""
    token, body = TokenId("S" + "0" * 63), ("A", 250_000, "News & more", "a note")
    kept = "0e8f4be81b4e94b44193edc9e0dd34b05ead2992a8c3541fd1336ba8092c4031"
    assert plain.digest("order-1", token, body).hex() == kept
    assert plain.digest_in_python("order-1", token, body).hex() == kept


def test_other_types_are_refused(reader: ModuleType) -> None:
    with pytest.raises(TypeError):
        reader.read_charge("{}")
    with pytest.raises(TypeError):
        reader.digest_of_pay(None, None, None, TOKEN, 1)
    with pytest.raises(TypeError):
        reader.digest_of_pay(None, "r", b"d", TOKEN, 1)
    with pytest.raises(OverflowError):
        reader.digest_of_pay(None, "r", None, TOKEN, -1)
