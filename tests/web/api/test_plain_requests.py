"""Plain calls that take the short way come to the same as on the general one, which says what is right."""

from __future__ import annotations

import json
import os
import random
import string
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from tests.conftest import LONG_TESTS
from tests.support.api_without_books import HOST, Api
from tests.support.clock import START
from tests.support.paths import DATA
from tests.support.plain_calls import BALANCE, COMMON, INSTRUMENT, KEY, SECRET, TOKEN, pay, query, rows
from tests.support.signed_requests import SignedRequests, sign, sign_text

from tallystick.domain.commands import Pay
from tallystick.domain.ids import BookId, IdKind, make_token_or_instrument_id
from tallystick.domain.speedups import plain_requests
from tallystick.services.api.fair_shares import CallRates
from tallystick.web.api.plain.plain_calls import MOST_KEYS

PAY: Final = pay("reference 1")


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    if plain_requests is None:
        pytest.skip("nothing was compiled: there was no C compiler at installation, or it was told to stay away")
    return plain_requests


def got(sent: bytes, host: str = HOST) -> tuple[dict[str, Any], bytes]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": sent,
        "headers": [(b"host", host.encode())],
    }, b""


def posted(sent: bytes, kind: str) -> tuple[dict[str, Any], bytes]:
    headers = [(b"host", HOST.encode()), (b"content-type", kind.encode())]
    return {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, sent


async def warm(*apis: Api) -> None:
    """The first call reads the key, the second one meets it in the cache."""
    for api in apis:
        for _ in range(2):
            assert (await api.send(*got(query(BALANCE)))).status == 200


async def test_any_request_comes_to_the_same(reader: ModuleType, tmp_path: Path) -> None:
    count = 100_000 if os.environ.get(LONG_TESTS) else 2_000
    made = SignedRequests.of(os.environ.get("TALLYSTICK_SEED", "plain"), START)
    short, general = (Api(made.rows, tmp_path, one) for one in (reader, None))
    taken: Counter[int] = Counter()
    for _ in range(count):
        scope, body = made.request()
        seen = await short.send(scope, body)
        assert seen == await general.send(scope, body), (scope, body)
        taken[seen.status] += short.plain.taken[-1:] == [True]
        short.plain.taken.clear()
    assert short.counted() == general.counted()
    assert taken[200] > count / 5  # the short way was gone
    assert taken[400], taken[401]  # and led to refusals, too


PLAIN: Final = [
    PAY,
    PAY | {"TransactionAmount.Value": "999999999999.999999"},
    PAY | {"TransactionAmount.Value": "1"},
    PAY | {"TransactionAmount.Value": "0.000001"},
    PAY | {"TransactionAmount.Value": "0000000000001.5"},
    PAY | {"CallerReference": "r" * 128},
    PAY | {"CallerReference": "".join(sorted(set(string.printable[:95]) - set('"\\')))},
    PAY | {"CallerDescription": "c" * 160, "SenderDescription": " 1,000 words & more "},
    PAY | {"CallerDescription": "%" * 160, "SenderDescription": ":" * 160, "CallerReference": "/" * 128},
    PAY | {"SenderTokenId": make_token_or_instrument_id(IdKind.CREDIT_SENDER, BookId(7), bytes(27))},
    PAY | {"Version": "2008-09-17"},
    PAY | {"Version": "2011-09-20"},
    PAY | {"Timestamp": "2027-03-01T12:00:00.123Z"},
    PAY | {"Timestamp": "2027-03-01T13:14:59+01:00"},
    BALANCE,
    BALANCE | {"Version": "2008-09-17"},
]


@pytest.mark.parametrize("params", PLAIN, ids=range(len(PLAIN)))
async def test_what_is_plain_goes_the_short_way(reader: ModuleType, tmp_path: Path, params: dict[str, str]) -> None:
    short, general = Api(rows(), tmp_path, reader), Api(rows(), tmp_path, None)
    await warm(short, general)
    for one in (short, general):
        one.clock.forward(seconds=1)  # when a key was last used is noted for each call
    form = "application/x-www-form-urlencoded"
    requests = [
        got(query(params)),
        got(query(params, host="known.example"), "pay.example"),
        got(query(params, host="pay.example:443"), "pay.example:443"),
        posted(query(params, verb="POST"), form),
        posted(query(params, verb="POST"), f"{form}; charset=utf-8"),
        posted(query(params, verb="POST"), ""),
    ]
    for request in requests:
        seen = await short.send(*request)

        assert seen == await general.send(*request)
        assert seen.status == 200
    assert short.plain.taken[2:] == [True] * len(requests)
    assert not any(general.plain.taken)
    assert short.counted() == general.counted()


def as_sent(params: dict[str, str], *changes: tuple[bytes, bytes]) -> bytes:
    """A query that is signed as it is, after these changes, whether that is how it should be encoded or not."""
    text = "&".join(f"{name}={quote(params[name], safe='-_.~')}" for name in sorted(params)).encode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text + b"&Signature=" + quote(sign_text(f"GET\n{HOST}\n/\n{text.decode()}", SECRET), safe="").encode()


NEARLY: Final = [
    query(PAY | {"CallerReference": "r" * 129}),
    query(PAY | {"CallerDescription": "d" * 161}),
    query(PAY | {"SenderDescription": "d" * 161}),
    query(PAY | {"CallerReference": 'a "quotation"'}),
    query(PAY | {"CallerReference": "back\\slash"}),
    query(PAY | {"CallerReference": "tab\t"}),
    query(PAY | {"CallerReference": "\x7f"}),
    query(PAY | {"SenderDescription": "é"}),
    query(PAY | {"SenderDescription": ""}),
    query(PAY | {"CallerReference": ""}),
    query(PAY | {"PrepaidInstrumentId": ""}),
    query(PAY | {"PrepaidInstrumentId": INSTRUMENT}),
    query(BALANCE | {"SenderTokenId": TOKEN}),
    query(BALANCE | {"CallerReference": "r"}),
    query(PAY | {"ChargeFeeTo": "Recipient"}),
    query(PAY | {"SenderTokenId": TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1")}),
    query(PAY | {"SenderTokenId": INSTRUMENT}),
    query(PAY | {"SenderTokenId": make_token_or_instrument_id(IdKind.PREPAID_SENDER, BookId(8), bytes(27))}),
    query(PAY | {"TransactionAmount.Value": "1000000000000"}),
    query(PAY | {"TransactionAmount.Value": "9999999999999.999999"}),
    query(PAY | {"TransactionAmount.Value": "0.0"}),
    query(PAY | {"TransactionAmount.Value": "1."}),
    query(PAY | {"TransactionAmount.Value": ".5"}),
    query(PAY | {"TransactionAmount.Value": "0.0000001"}),
    query(PAY | {"TransactionAmount.Value": "00000000000001"}),
    query(PAY | {"TransactionAmount.CurrencyCode": "EUR"}),
    query(PAY | {"Version": "2007-01-08"}),
    query(PAY | {"Version": "2012-01-01"}),
    query(PAY | {"SignatureVersion": "1"}),
    query(PAY | {"SignatureMethod": "HmacSHA1"}),
    query(PAY | {"Timestamp": "2027-03-01T12:00:61Z"}),
    query(PAY, host="other.example"),
    query(PAY, verb="POST"),
    query(PAY, secret="t" * 40),
    query(PAY) + b"&Version=2010-08-28",
    query(PAY) + b"&",
    query(PAY) + b"&x",
    b"&" + query(PAY),
    as_sent(PAY, (b"reference%201", b"%72eference%201")),
    as_sent(PAY, (b"reference%201", b"reference+1")),
    as_sent(PAY, (b"12%3A00", b"12%3a00")),
    as_sent(PAY, (b"12%3A00", b"12:00")),
    as_sent(PAY, (b"Action=", b"%41ction=")),
    b"",
]


@pytest.mark.parametrize("sent", NEARLY, ids=range(len(NEARLY)))
async def test_what_is_nearly_plain_is_left_to_the_general_way(reader: ModuleType, tmp_path: Path, sent: bytes) -> None:
    short, general = Api(rows(), tmp_path, reader), Api(rows(), tmp_path, None)
    await warm(short, general)

    seen = await short.send(*got(sent))

    assert seen == await general.send(*got(sent))
    assert short.plain.taken[2:] == [False]
    assert short.counted() == general.counted()


def test_every_character_of_a_signature_counts(reader: ModuleType) -> None:
    keys = {KEY: reader.SigningKey(SECRET.encode(), None)}
    signature = sign("GET", HOST, PAY, SECRET)
    others = string.ascii_letters + string.digits + "+/="
    unsigned = query(PAY).partition(b"&Signature=")[0]
    assert reader.read_call("GET", query(PAY), (HOST,), keys) is not None
    for place in range(len(signature)):
        for other in others.replace(signature[place], ""):
            spoilt = signature[:place] + other + signature[place + 1 :]
            sent = unsigned + b"&Signature=" + quote(spoilt, safe="").encode()
            assert reader.read_call("GET", sent, (HOST,), keys) is None
    for spoilt in (signature[:-1], signature + "A", signature + "=", signature * 2):
        sent = unsigned + b"&Signature=" + quote(spoilt, safe="").encode()
        assert reader.read_call("GET", sent, (HOST,), keys) is None


async def test_recorded_requests_come_to_the_same(reader: ModuleType, tmp_path: Path) -> None:
    short, general = Api(rows(), tmp_path, reader), Api(rows(), tmp_path, None)
    await warm(short, general)
    for recorded in json.loads((DATA / "recorded_requests.json").read_text("utf-8")):
        verb, target, _ = recorded["request"][0].split(" ")
        _, _, body = "\r\n".join(recorded["request"]).partition("\r\n\r\n")
        text = body or urlsplit(target).query
        filled = {"token": TOKEN, "spending": TOKEN, "prepaid": INSTRUMENT, "now": COMMON["Timestamp"], "key": KEY}
        for name, value in filled.items():
            text = text.replace(f"{{{name}}}", quote(value, safe=""))
        params = dict(parse_qsl(text, keep_blank_values=True))
        if "Signature" in params:
            del params["Signature"]
            text = text.replace("{signature}", quote(sign(verb, HOST, params, SECRET), safe=""))
        request = posted(text.encode(), "application/x-www-form-urlencoded") if body else got(text.encode())

        assert await short.send(*request) == await general.send(*request)


async def test_a_request_of_a_key_whose_secret_is_another_now_goes_the_general_way(
    reader: ModuleType, tmp_path: Path
) -> None:
    api = Api(rows(), tmp_path, reader)
    await warm(api)
    api.rows.add_key(KEY, "t" * 40)
    assert (await api.service.keys.find(KEY)) is not None  # somebody has read it again

    old, new = await api.send(*got(query(PAY))), await api.send(*got(query(PAY, secret="t" * 40)))

    assert (old.status, new.status) == (403, 200)
    assert b"SignatureDoesNotMatch" in old.body
    await api.send(*got(query(PAY, secret="t" * 40)))
    assert api.plain.taken[-1]


async def test_of_very_many_keys_the_one_that_was_learnt_first_goes(reader: ModuleType, tmp_path: Path) -> None:
    api = Api(rows(), tmp_path, reader)
    await warm(api)
    key = await api.service.keys.find(KEY)
    assert key is not None
    for number in range(1, MOST_KEYS + 1):
        api.plain.learn(replace(key, access_key_id=f"AK{number:018d}"))
    api.plain.taken.clear()

    seen = [(await api.send(*got(query(PAY)))).status for _ in range(2)]

    assert seen == [200, 200]
    assert api.plain.taken == [False, True]


async def test_keys_of_many_sellers_in_turn_all_take_the_short_way(reader: ModuleType, tmp_path: Path) -> None:
    api = Api(rows(), tmp_path, reader)
    keys = [f"AK{number:018d}" for number in range(1, 601)]
    for key in keys:
        api.rows.add_key(key, SECRET)

    for _ in range(3):
        api.plain.taken.clear()
        for key in keys:
            assert (await api.send(*got(query(PAY | {"AWSAccessKeyId": key})))).status == 200

    assert api.plain.taken == [True] * len(keys)


async def test_a_key_that_has_expired_is_refused(reader: ModuleType, tmp_path: Path) -> None:
    api = Api(rows(), tmp_path, reader)
    api.rows.add_key(KEY, SECRET, expires_at=START.replace(minute=1))
    await warm(api)
    api.clock.forward(minutes=1)

    refused = await api.send(*got(query(PAY)))

    assert b"InvalidClientTokenId" in refused.body
    assert not refused.commands


async def test_where_others_lock_nothing_goes_the_short_way(reader: ModuleType, tmp_path: Path) -> None:
    api = Api(rows(), tmp_path, reader)
    await warm(api)
    api.committer.optimistic = False

    seen = await api.send(*got(query(PAY)))

    assert [key for _, _, key, _ in seen.commands] == [None]  # it was read from the database
    assert not api.plain.taken[-1]


@pytest.mark.parametrize("reference", ["stale", "refused", "broken"])
async def test_what_comes_of_it_later_is_told_the_same(reader: ModuleType, tmp_path: Path, reference: str) -> None:
    short, general = Api(rows(), tmp_path, reader), Api(rows(), tmp_path, None)
    await warm(short, general)
    request = got(query(PAY | {"CallerReference": reference}))

    seen = await short.send(*request)

    assert seen == await general.send(*request)
    assert short.plain.taken[-1]
    assert len(seen.commands) == (2 if reference == "stale" else 1)
    assert short.counted() == general.counted()


async def test_who_calls_too_often_is_counted_once(reader: ModuleType, tmp_path: Path) -> None:
    sides = [Api(rows(), tmp_path, one, rates=CallRates(1, 5, lambda: 0.0)) for one in (reader, None)]
    await warm(*sides)
    statuses = [[(await side.send(*got(query(PAY)))).status for _ in range(5)] for side in sides]

    assert statuses == [[200, 200, 200, 503, 503]] * 2
    assert sides[0].plain.taken[2:] == [True] * 5


@pytest.mark.parametrize("length", [1, 40, 63, 64, 65, 128, 200])
async def test_secrets_of_any_length_sign(reader: ModuleType, length: int) -> None:
    secret = "".join(random.Random(length).choices(string.ascii_letters, k=length))  # noqa: S311 - any will do
    keys = {KEY: reader.SigningKey(secret.encode(), None)}

    read = reader.read_call("GET", query(PAY, secret), (HOST,), keys)

    assert read[1:5] == (COMMON["Timestamp"], "2010-08-28", TOKEN, 7)
    assert reader.read_call("GET", query(PAY, secret + "x"), (HOST,), keys) is None


def test_other_types_are_refused(reader: ModuleType) -> None:
    keys = {KEY: reader.SigningKey(SECRET.encode(), None)}
    for wrong in (
        (None, b"", (), keys),
        ("GET", "a=b", (), keys),
        ("GET", b"a=b", [HOST], keys),
        ("GET", b"a=b", (), None),
        ("GET", query(PAY), (HOST,), {KEY: "no key"}),
        ("GET", query(PAY), (None,), keys),
    ):
        with pytest.raises(TypeError):
            reader.read_call(*wrong)
    with pytest.raises(TypeError):
        reader.SigningKey(SECRET, None)


async def test_the_command_has_what_was_asked_for(reader: ModuleType, tmp_path: Path) -> None:
    api = Api(rows(), tmp_path, reader)
    await warm(api)

    seen = await api.send(*got(query(PAY | {"SenderDescription": "a & b"})))

    ((book_id, command, key_id, flow),) = seen.commands
    assert isinstance(command, Pay)
    assert (book_id, command.token_id, command.amount_micros, key_id, flow) == (7, TOKEN, 250_000, KEY, KEY)
    assert (command.request.caller_reference, command.request.sender_description) == ("reference 1", "a & b")
    assert (command.request.caller_description, command.request.requested_at) == (None, START)
