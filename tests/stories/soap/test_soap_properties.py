"""However a signed envelope is changed: either it is refused, or the service reads from it what its signer signed."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from tests.conftest import fuzz
from tests.stories.soap.soap_client import NAMES, WSU_ID, Program
from tests.support.certificates import key_pair

from tallystick.domain.refusals import Refused
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.web.api.soap import security
from tallystick.web.api.soap.answers import NotUnderstoodError
from tallystick.web.api.soap.body import parameters
from tallystick.web.api.soap.envelope import read_envelope

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PAIR = key_pair(NOW - timedelta(days=1))
SAID = {
    "SenderTokenId": "TOKEN",
    "TransactionAmount.CurrencyCode": "USD",
    "TransactionAmount.Value": "1.00",
    "CallerReference": "song-1",
}
REQUEST = (
    "<fps:Pay><fps:SenderTokenId>TOKEN</fps:SenderTokenId><fps:TransactionAmount><fps:CurrencyCode>USD"
    "</fps:CurrencyCode><fps:Value>1.00</fps:Value></fps:TransactionAmount>"
    "<fps:CallerReference>song-1</fps:CallerReference></fps:Pay>"
)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory: Path = tmp_path_factory.mktemp("program")
    shop: Any = SimpleNamespace(clock=lambda: NOW)
    return etree.tostring(Program(shop, PAIR, directory).signed(REQUEST))


def said(content: bytes, *, allow_weak: bool) -> dict[str, str] | None:
    """The request as the service would read it; None when it refuses."""
    try:
        envelope = read_envelope(content)
        security.certificate_fingerprint(envelope, security.signature_of(envelope))
        request = security.verify(envelope, PAIR.certificate, NOW, allow_weak=allow_weak).request
        action = ACTIONS[etree.QName(request).localname]
        return parameters(request, action.tables[V2010], V2010, tolerant=False)
    except (Refused, NotUnderstoodError):
        return None


def test_unchanged_it_is_accepted(signed: bytes) -> None:
    assert said(signed, allow_weak=False) == SAID


def disturb(data: st.DataObject, root: etree._Element) -> None:
    """Copy, move or remove an element, change its text or tag, give it somebody's id."""
    elements = list(root.iter(etree.Element))
    one, other = (data.draw(st.sampled_from(elements)) for _ in range(2))
    ids = [str(each.attrib[WSU_ID]) for each in elements if WSU_ID in each.attrib]
    match data.draw(st.sampled_from(["copy", "move", "remove", "text", "tag", "id", "drop id"])):
        case "copy":
            other.insert(data.draw(st.integers(0, len(other))), deepcopy(one))
        case "move" if one not in other.iterancestors() and one is not other:
            other.insert(data.draw(st.integers(0, len(other))), one)
        case "remove" if (parent := one.getparent()) is not None:
            parent.remove(one)
        case "text":
            one.text = data.draw(st.sampled_from(["", "9.00", "AAAA", "#token", "THEIRS"]))
        case "tag":
            one.tag = other.tag
        case "id" if ids:
            name = data.draw(st.sampled_from([WSU_ID, "Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id"]))
            one.set(name, data.draw(st.sampled_from(ids)))
        case "drop id":
            one.attrib.pop(WSU_ID, "")


@fuzz(500)
@given(data=st.data(), allow_weak=st.booleans())
def test_a_rebuilt_envelope_says_nothing_else(signed: bytes, data: st.DataObject, allow_weak: bool) -> None:
    root = etree.fromstring(signed)
    for _ in range(data.draw(st.integers(1, 4))):
        disturb(data, root)

    assert said(etree.tostring(root), allow_weak=allow_weak) in (None, SAID)


@fuzz(500)
@given(data=st.data(), allow_weak=st.booleans())
def test_a_wrapped_body_says_nothing_else(signed: bytes, data: st.DataObject, allow_weak: bool) -> None:
    """The signed Body is moved elsewhere, and another Body takes its place."""
    root = etree.fromstring(signed)
    body = root.find("s:Body", NAMES)
    assert body is not None
    theirs = deepcopy(body)
    (value,) = theirs.iterfind(".//fps:Value", NAMES)
    value.text = "9.00"
    root.replace(body, theirs)
    places = [each for each in root.iter(etree.Element) if each is not theirs]
    data.draw(st.sampled_from(places)).append(body)
    match data.draw(st.sampled_from(["same id", "no id", "another id"])):
        case "no id":
            theirs.attrib.pop(WSU_ID)
        case "another id":
            theirs.set(WSU_ID, "another")
    for _ in range(data.draw(st.integers(0, 2))):
        disturb(data, root)

    assert said(etree.tostring(root), allow_weak=allow_weak) in (None, SAID)


@fuzz(500)
@given(data=st.data())
def test_spoilt_bytes_say_nothing_else(signed: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(signed)))
    end = data.draw(st.integers(begin, min(begin + 30, len(signed))))
    middle = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"<!--", b"]]>", b"<!DOCTYPE x>", b"&#0;", b"&a;", b"<?x?>"])
    )

    assert said(signed[:begin] + middle + signed[end:], allow_weak=True) in (None, SAID)


@fuzz(500)
@given(content=st.binary(max_size=200) | st.text(alphabet="<>/&;\"'=ab: sxmln!?-[]", max_size=200).map(str.encode))
def test_any_bytes_are_refused(content: bytes) -> None:
    assert said(content, allow_weak=True) is None
