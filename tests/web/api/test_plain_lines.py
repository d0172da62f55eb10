"""Lines of a batch that take the short way come to the same as on the general one, which says what is right."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import pytest
from tests.conftest import LONG_TESTS
from tests.support.api_without_books import HOST, Api, Rows, Seen
from tests.support.clock import START

from tallystick.client.batch import BATCH_PATH
from tallystick.db.clock_watch import ClockWatch
from tallystick.domain.ids import BookId, IdKind, TransactionId, book_digits, make_token_or_instrument_id
from tallystick.domain.messages.message_signatures import content_digest, sign
from tallystick.domain.speedups import plain_payments
from tallystick.web.api.batch_api import MAX_LINES, BatchApi

KEY: Final = "AK" + "0" * 18
SECRET: Final = "s" * 40
TOKEN: Final = make_token_or_instrument_id(IdKind.PREPAID_SENDER, BookId(7), bytes(27))
TAB: Final = make_token_or_instrument_id(IdKind.CREDIT_SENDER, BookId(7), bytes(27))
VISIBLE: Final = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\')
LINE: Final = {"caller_reference": "song-1", "sender_token_id": TOKEN, "amount": "0.05"}
_MADE: Final = re.compile(rb'(?<="transaction_id":")[^"]*')


class DatabaseTime:
    """The pool of a database whose clock stands still."""

    async def fetchval(self, *_: object, **_others: object) -> datetime:
        return START


class CountingReader:
    """The compiled part; it counts what it takes."""

    def __init__(self, compiled: ModuleType) -> None:
        self.compiled = compiled
        self.taken = 0

    def read_line(self, line: bytes) -> object:
        found = self.compiled.read_line(line)
        self.taken += found is not None
        return found


@dataclass
class Batches(Api):
    """The batch call of a service of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        application: Any = BatchApi(self.service, reader=self.reader)
        self.api = application

    async def pay(self, lines: Sequence[bytes]) -> Seen:
        """A signed batch of these lines. What it answers is told without the ids that were made for it."""
        body = b"\n".join(lines)
        digest = content_digest(body)
        values = {"@method": "POST", "@authority": HOST, "@path": BATCH_PATH, "content-digest": digest}
        given, signature = sign(values, KEY, SECRET, self.clock())
        headers = {"host": HOST, "content-digest": digest, "signature-input": given, "signature": signature}
        scope = {
            "type": "http",
            "method": "POST",
            "path": BATCH_PATH,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        seen = await self.send(scope, body)
        made = [TransactionId(one.decode()) for one in _MADE.findall(seen.body)]
        of_books = sorted(made, key=book_digits)
        assert of_books == sorted(made, key=lambda one: (book_digits(one), one)), "not in the order of the lines"
        return Seen(seen.status, seen.headers, _MADE.sub(b"", seen.body), seen.commands)


@pytest.fixture
def reader() -> Any:  # noqa: ANN401 - stands for a module
    if plain_payments is None:
        pytest.skip("nothing was compiled: there was no C compiler at installation, or it was told to stay away")
    return CountingReader(plain_payments)


def two(tmp_path: Path, reader: Any, **key: Any) -> tuple[Batches, Batches]:  # noqa: ANN401 - values of a row
    """With the short way and without, each with a key like this."""
    rows = Rows()
    rows.add_key(KEY, SECRET, **key)
    return Batches(rows, tmp_path, reader), Batches(rows, tmp_path, None)


def written(*lines: dict[str, Any]) -> list[bytes]:
    return [json.dumps(line, ensure_ascii=False).encode() for line in lines]


AMOUNTS: Final = ("0.05", "1", "000.5", "999999999999.999999", "0.000001")
ODD_AMOUNTS: Final = ("1000000000000", "0", "0.0", "1.", ".5", "1.0000001", "-1", "+1", "1e3", " 1", "٣", "", "1.2.3")
PIECES: Final = (
    *(b"{", b"}", b":", b",", b'"', b"\\", b"\\n", b"\\u0041", b"null", b"1", b"[]", b" ", b"\t", b"\r", b"\0"),
    b"\x0b",
    *(b"\x7f", b"\xff", "é".encode(), "\u2028".encode(), b'"amount"', b'"amount":"1",', b',"caller_description":"x"'),
)


def a_line(dice: random.Random, number: int) -> bytes:
    """One that is nearly right, most of them wholly."""
    odd = dice.random() < 0.3

    def text(most: int) -> str:
        letters = VISIBLE + 'é\u2028\x7f"\\\n' * (odd and dice.random() < 0.3)
        return "".join(dice.choices(letters, k=dice.choice([1, 20, most - 1, most, most + odd, 0])))

    kinds = list(IdKind) if odd else [IdKind.PREPAID_SENDER, IdKind.CREDIT_SENDER]
    book = BookId(dice.choice([7, 7, 7, 8, 9]) if odd else dice.choice([7, 8]))
    token = make_token_or_instrument_id(dice.choice(kinds), book, dice.randbytes(27))
    if odd and dice.random() < 0.3:
        place = dice.randrange(64)
        token = token[:place] + dice.choice("0Ax%é") + token[place + 1 :]
    whole: dict[str, Any] = {
        "caller_reference": dice.choice(["stale", "refused", "broken"]) if odd else f"{number}-{text(118)}",
        "sender_token_id": token,
        "amount": dice.choice(AMOUNTS + ODD_AMOUNTS * odd),
    }
    for name in ("caller_description", "sender_description", "notification_url"):
        if dice.random() < 0.2:
            whole[name] = text(160)
    if odd:
        name = dice.choice(list(whole))
        match dice.randrange(3):
            case 0:
                whole[name] = None
            case 1:
                del whole[name]
            case _:
                whole["x"] = ""
    names = dice.sample(list(whole), k=len(whole))
    line = json.dumps({name: whole[name] for name in names}, ensure_ascii=False, indent=dice.choice([None, None, 1]))
    content = line.replace("\n", " ").encode()
    for _ in range(dice.choice([0, 1, 2]) if odd else 0):
        place = dice.randrange(len(content) + 1)
        content = content[:place] + dice.choice(PIECES) + content[place + dice.choice([0, 1, 3]) :]
    return content


async def test_any_lines_come_to_the_same(reader: Any, tmp_path: Path) -> None:  # noqa: ANN401 - see above
    count = 100_000 if os.environ.get(LONG_TESTS) else 3_000
    dice = random.Random(os.environ.get("TALLYSTICK_SEED", "lines"))  # noqa: S311 - chance that can be had again
    short, general = two(tmp_path, reader, parts=[7, 8])
    sent = 0
    while sent < count:
        lines = [a_line(dice, number) for number in range(dice.choice([1, 2, 300, 600]))]
        seen = await short.pay(lines)
        assert seen == await general.pay(lines)
        assert seen.status == 200
        sent += len(lines)
    assert short.counted() == general.counted()
    assert count / 3 < reader.taken < sent  # the short way was gone, and the other one, too


PLAIN: Final = [
    LINE,
    LINE | {"sender_token_id": TAB},
    LINE | {"amount": "999999999999.999999"},
    LINE | {"amount": "0000000000001.5"},
    LINE | {"amount": "0.000001"},
    LINE | {"caller_reference": "r" * 128, "caller_description": "c" * 160, "sender_description": "s" * 160},
    LINE | {"caller_reference": VISIBLE, "caller_description": VISIBLE, "sender_description": VISIBLE},
    LINE | {"caller_description": "", "sender_description": ""},
]


@pytest.mark.parametrize("asked", PLAIN, ids=range(len(PLAIN)))
async def test_what_is_plain_goes_the_short_way(reader: Any, tmp_path: Path, asked: dict[str, str]) -> None:  # noqa: ANN401
    short, general = two(tmp_path, reader)
    lines = [*written(asked), json.dumps(dict(reversed(asked.items())), separators=(" ,\t", ":  ")).encode() + b" "]

    seen = await short.pay(lines)

    assert seen == await general.pay(lines)
    assert len(seen.commands) == reader.taken == 2
    assert short.counted() == general.counted()


NEARLY: Final = [
    *written(
        LINE | {"caller_reference": "r" * 129},
        LINE | {"caller_reference": ""},
        LINE | {"caller_description": "c" * 161},
        LINE | {"sender_description": "s" * 161},
        LINE | {"caller_reference": "é"},
        LINE | {"caller_reference": 'a "quotation"'},
        LINE | {"caller_reference": "back\\slash"},
        LINE | {"caller_reference": "\x7f"},
        LINE | {"caller_description": None},
        LINE | {"notification_url": "https://shop.example/told"},
        LINE | {"unknown": "x"},
        LINE | {"amount": "1000000000000"},
        LINE | {"amount": "0"},
        LINE | {"amount": "1."},
        LINE | {"amount": 1},
        LINE | {"amount": "0.0000001"},
        LINE | {"sender_token_id": TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1")},
        LINE | {"sender_token_id": make_token_or_instrument_id(IdKind.PREPAID_INSTRUMENT, BookId(7), bytes(27))},
        LINE | {"sender_token_id": make_token_or_instrument_id(IdKind.FUNDING, BookId(7), bytes(27))},
        {name: value for name, value in LINE.items() if name != "amount"},
        {name: value for name, value in LINE.items() if name != "caller_reference"},
        {name: value for name, value in LINE.items() if name != "sender_token_id"},
    ),
    written(LINE)[0] + b"x",
    written(LINE)[0] + b"\0",
    written(LINE)[0][:-1],
    written(LINE)[0][:-1] + b',"amount":"0.05"}',
    written(LINE)[0][:-1] + b',"amoun\\u0074":"0.06"}',
    b"\xef\xbb\xbf" + written(LINE)[0],
    b'{"caller_description":"' + b" " * 4096 + b'"}',
    b"{}",
    b"[]",
    b"",
    b'"',
    b'{"',
    b'{"amount',
    b'{"amount":',
    b'{"amount":"',
]


@pytest.mark.parametrize("line", NEARLY, ids=range(len(NEARLY)))
async def test_what_is_nearly_plain_is_left_to_the_general_way(reader: Any, tmp_path: Path, line: bytes) -> None:  # noqa: ANN401
    short, general = two(tmp_path, reader)
    lines = [line, *written(LINE)]

    seen = await short.pay(lines)

    assert seen == await general.pay(lines)
    assert reader.taken == 1
    assert short.counted() == general.counted()


async def test_a_token_of_another_seller_is_refused(reader: Any, tmp_path: Path) -> None:  # noqa: ANN401
    short, general = two(tmp_path, reader)
    theirs = make_token_or_instrument_id(IdKind.PREPAID_SENDER, BookId(8), bytes(27))
    lines = written(LINE | {"sender_token_id": theirs})

    seen = await short.pay(lines)

    assert seen == await general.pay(lines)
    assert b"InvalidTokenId_Sender" in seen.body
    assert not seen.commands


@pytest.mark.parametrize(
    ("key", "code"), [({"status": "closed"}, b"AccountClosed"), ({"book_id": None, "parts": []}, b"AuthFailure")]
)
async def test_an_account_that_is_not_in_order_is_told_line_by_line(
    reader: Any,  # noqa: ANN401
    tmp_path: Path,
    key: dict[str, Any],
    code: bytes,
) -> None:
    short, general = two(tmp_path, reader, **key)
    lines = [*written(LINE, LINE | {"amount": "x"}), b"{"]

    seen = await short.pay(lines)

    assert seen == await general.pay(lines)
    assert seen.body.count(code) == 1
    assert not reader.taken
    assert short.counted() == general.counted()


async def test_while_the_clock_is_in_doubt_no_line_gets_an_id(reader: Any, tmp_path: Path) -> None:  # noqa: ANN401
    seen, database = [], cast("Any", DatabaseTime())
    for one in two(tmp_path, reader):
        watch = ClockWatch(one.clock, timedelta(seconds=1), lambda: 0.0)
        assert await watch.compare(database)
        object.__setattr__(one.service, "clock_watch", watch)
        one.clock.forward(minutes=1)
        seen.append(await one.pay([*written(LINE, LINE | {"amount": "x"}, LINE)]))

    assert seen[0] == seen[1]
    assert seen[0].body.count(b"ServiceUnavailable") == 2
    assert reader.taken == 2


async def test_as_many_lines_as_there_may_be(reader: Any, tmp_path: Path) -> None:  # noqa: ANN401
    short, general = two(tmp_path, reader)
    lines = written(*(LINE | {"caller_reference": str(number)} for number in range(MAX_LINES)))

    seen = await short.pay(lines)

    assert seen == await general.pay(lines)
    assert len(seen.commands) == reader.taken == MAX_LINES
    assert [command.request.caller_reference for _, command, *_ in seen.commands] == [*map(str, range(MAX_LINES))]
