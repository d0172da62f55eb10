"""Every vector of the signatures: HMAC V2, V1 and of 2007, RSA outbound, negative cases, answers of other clients."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from tests.support.paths import DATA as DATA_FOLDER

from tallystick.domain.messages import signing

DATA: dict[str, Any] = json.loads((DATA_FOLDER / "signature_vectors.json").read_text("utf-8"))
VECTORS: dict[str, dict[str, Any]] = {vector["id"]: vector for vector in DATA["vectors"]}
SECRET: str = DATA["secret_key"]


ReadEncodedQuery = Callable[[bytes, str], tuple[dict[str, str], str] | None]


@pytest.fixture(params=["as installed", "in Python"], scope="module")
def read_encoded_query(request: pytest.FixtureRequest) -> ReadEncodedQuery:
    in_python = request.param == "in Python"
    return signing.read_encoded_query_in_python if in_python else signing.read_encoded_query


def of_kind(*algorithms: str) -> list[str]:
    return [name for name, vector in VECTORS.items() if vector["algorithm"] in algorithms]


def omitted(vector: dict[str, Any]) -> str:
    return "Signature" if vector["surface"] == "web service" else "signature"


def test_no_vector_is_forgotten() -> None:
    assert len(VECTORS) == 31
    assert {vector["algorithm"] for vector in VECTORS.values()} == {"v1", "v2", "cbui-2007", "v2-outbound"}


@pytest.mark.parametrize("name", of_kind("v2"))
def test_hmac_version_2(name: str) -> None:
    vector = VECTORS[name]
    line = signing.host_line(vector["host"], vector["port"], vector["scheme"])
    text = signing.string_to_sign_v2(vector["verb"], line, vector["path"], vector["params"], omitted(vector))

    assert line == vector["host_line"]
    assert text == vector["string_to_sign"]
    assert signing.hmac_signature(text, SECRET, vector["mac"]) == vector["signature"]

    header = vector["host"] if vector["port"] is None else f"{vector['host']}:{vector['port']}"
    assert signing.host_lines(header, vector["scheme"])[0] == vector["host_line"]


@pytest.mark.parametrize("name", of_kind("v2"))
def test_what_was_sent_encoded_as_it_is_signed_needs_no_encoding_again(
    read_encoded_query: ReadEncodedQuery, name: str
) -> None:
    vector = VECTORS[name]
    query = signing.percent_encoded_query(vector["params"])
    read = read_encoded_query(query.encode("ascii"), omitted(vector))
    if read is None:
        assert any("%" in pair.partition("=")[0] for pair in query.split("&"))  # such names sort by what they mean
        return

    params, in_order = read

    assert params == vector["params"]
    text = signing.string_to_sign_as_sent(vector["verb"], vector["host_line"], vector["path"], in_order)
    assert text == vector["string_to_sign"]


NAMES = st.text("ABZabz019-_.~", min_size=1)


@given(params=st.dictionaries(NAMES, st.text()))
def test_any_parameters_are_signed_as_they_are_sent(
    read_encoded_query: ReadEncodedQuery, params: dict[str, str]
) -> None:
    query = signing.percent_encoded_query(params).encode("ascii")

    assert (read_encoded_query(query, "") is None) is (not params)
    for omit in ("Signature", "a", "") if params else ():
        read = read_encoded_query(query, omit)
        assert read is not None
        assert read[0] == params
        as_sent = signing.string_to_sign_as_sent("GET", "shop.example", "/", read[1])
        assert as_sent == signing.string_to_sign_v2("GET", "shop.example", "/", params, omit)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "a",
        "=b",
        "a=b=c",
        "a=b&",
        "&a=b",
        "a=b c",
        "a=b+c",
        "a=%2b",
        "a=%41",
        "a=%7E",
        "a=%2",
        "a=%",
        "%41=b",
        "a=é",
        "a=%FF",
        "a=%ED%A0%80",
        "a=%00%C0%80",
        "a=b&a=b",
        "a=b&c=d&a=e",
    ],
)
def test_other_queries_are_encoded_anew(read_encoded_query: ReadEncodedQuery, query: str) -> None:
    assert read_encoded_query(query.encode(), "Signature") is None


@pytest.mark.parametrize("name", of_kind("v1"))
def test_hmac_version_1(name: str) -> None:
    vector = VECTORS[name]
    text = signing.string_to_sign_v1(vector["params"], omitted(vector))

    assert text == vector["string_to_sign"]
    assert signing.hmac_signature(text, SECRET, vector["mac"]) == vector["signature"]


@pytest.mark.parametrize("name", of_kind("cbui-2007"))
def test_hmac_of_2007(name: str) -> None:
    vector = VECTORS[name]
    text = signing.string_to_sign_2007(vector["path"], vector["params"])

    assert text == vector["string_to_sign"]
    assert signing.hmac_signature(text, SECRET, vector["mac"]) == vector["signature"]


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    n, e, d, p, q = (int(DATA["rsa_test_key"][part], 16) for part in "nedpq")
    return rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
    ).private_key()


@pytest.mark.parametrize("name", of_kind("v2-outbound"))
def test_rsa_outbound(name: str, private_key: rsa.RSAPrivateKey) -> None:
    vector = VECTORS[name]
    public_key = signing.public_key(DATA["rsa_test_key"]["certificate_pem"])
    text = signing.string_to_sign_outbound(vector["verb"], vector["url_endpoint"], vector["params"])

    assert text == vector["string_to_sign"]
    assert signing.rsa_signature(text, private_key) == vector["signature"]
    assert signing.rsa_verifies(text, vector["signature"], public_key)
    assert signing.rsa_verifies(text, vector["signature_as_sent"], public_key)
    assert not signing.rsa_verifies(text + "x", vector["signature"], public_key)
    assert not signing.rsa_verifies(text, vector["signature"][:-8] + "AAAAAA==", public_key)
    assert not signing.rsa_verifies(text, "no base64", public_key)


def test_the_newer_method_is_another_signature_by_the_same_key() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    older, newer = (signing.rsa_signature("text", key, method) for method in signing.RSA_METHODS)

    key.public_key().verify(base64.b64decode(newer), b"text", padding.PKCS1v15(), hashes.SHA256())
    assert signing.rsa_verifies("text", newer, key.public_key(), "RSA-SHA256")
    assert signing.rsa_verifies("text", older, key.public_key(), "RSA-SHA1")
    assert not signing.rsa_verifies("text", newer, key.public_key(), "RSA-SHA1")
    assert not signing.rsa_verifies("text", older, key.public_key(), "RSA-SHA256")
    assert not signing.rsa_verifies("text", older, key.public_key(), "RSA-MD5")
    assert not signing.rsa_verifies("texts", newer, key.public_key(), "RSA-SHA256")


@pytest.mark.parametrize("name", of_kind("v2-outbound"))
def test_what_a_receiver_sends_back_gives_the_same_text(name: str) -> None:
    vector = VECTORS[name]
    received = dict(parse_qsl(vector["http_parameters"], keep_blank_values=True, strict_parsing=True))
    signature = received.pop("signature")

    assert received == vector["signed_params"]
    assert signature == vector["signature_as_sent"]
    endpoint = vector["url_endpoint_for_verifysignature"]
    assert signing.string_to_sign_outbound(vector["verb"], endpoint, received) == vector["string_to_sign"]


def query_remade(text: str, remake: Callable[[list[str]], list[str]]) -> str:
    head, query = text.rsplit("\n", 1)
    return head + "\n" + "&".join(remake(query.split("&")))


def lower_case_hex(text: str) -> str:
    first, *others = text.split("%")
    return "%".join([first, *(piece[:2].lower() + piece[2:] for piece in others)])


SIGNATURE_ITSELF = "signature=" + quote_plus(VECTORS["cbui-v2-prepaid"]["signature"])
MISTAKES: dict[str, Callable[[str], str]] = {
    "neg-plus-for-space": lambda text: text.replace("%20", "+"),
    "neg-lowercase-hex": lower_case_hex,
    "neg-case-insensitive-sort": lambda text: query_remade(text, lambda pairs: sorted(pairs, key=str.lower)),
    "neg-tilde-encoded": lambda text: text.replace("~", "%7E"),
    "neg-star-raw": lambda text: text.replace("%2A", "*"),
    "neg-drop-empty": lambda text: query_remade(text, lambda pairs: [pair for pair in pairs if not pair.endswith("=")]),
    "neg-port-dropped": lambda text: text.replace(":8443\n", "\n"),
    "neg-signature-included": lambda text: query_remade(text, lambda pairs: sorted([*pairs, SIGNATURE_ITSELF])),
}


@pytest.mark.parametrize("case", DATA["negative_cases"], ids=lambda case: str(case["id"]))
def test_common_mistakes_do_not_verify(case: dict[str, str]) -> None:
    vector = VECTORS[case["base"]]
    mistaken = MISTAKES[case["id"]](vector["string_to_sign"])

    assert mistaken != vector["string_to_sign"]
    assert not signing.equal(signing.hmac_signature(mistaken, SECRET, vector["mac"]), vector["signature"])


@pytest.mark.parametrize("answer", DATA["external_known_answers"], ids=lambda answer: str(answer["id"]))
def test_answers_of_other_clients(answer: dict[str, Any]) -> None:
    if answer["algorithm"] == "v1":
        text, method = signing.string_to_sign_v1(answer["params"], "signature"), "HmacSHA1"
    else:
        method = answer["mac"]
        text = signing.string_to_sign_v2(
            answer["verb"], answer["host_line"], answer["path"], answer["params"], "signature"
        )

    assert signing.hmac_signature(text, answer["secret"], method) == answer["signature"]


@pytest.mark.parametrize(
    ("header", "scheme", "accepted"),
    [
        ("Pay.Example", "https", ("pay.example",)),
        ("pay.example:8400", "http", ("pay.example:8400", "pay.example")),
        ("pay.example:443", "https", ("pay.example", "pay.example:443")),
        ("pay.example:443", "http", ("pay.example:443", "pay.example")),
        ("[::1]:8400", "http", ("[::1]:8400", "[::1]")),
        ("[::1]", "http", ("[::1]",)),
        ("", "http", ("",)),
    ],
)
def test_forms_of_the_host_header(header: str, scheme: str, accepted: tuple[str, ...]) -> None:
    assert signing.host_lines(header, scheme) == accepted


def test_a_signature_may_arrive_wrapped_or_with_blanks_for_plus_signs() -> None:
    assert signing.as_received("ab cd\nef==\r\n") == "ab+cdef=="
    assert signing.equal("ab+c\nd", "ab+cd")
    assert not signing.equal("ab+cd", "ab+ce")
    assert not signing.equal("ünsigned", "ab+ce")


@pytest.mark.parametrize("url", ["shop.example/return", "ftp://shop.example/", "javascript:alert(1)", "https://", ""])
def test_only_web_addresses_receive_signed_messages(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https URL"):
        signing.string_to_sign_outbound("GET", url, {"status": "SA"})


def test_urls_without_a_path_are_signed_as_a_slash() -> None:
    assert signing.string_to_sign_outbound("GET", "http://[::1]:8080?b=1", {"a": "2"}) == "GET\n[::1]:8080\n/\na=2&b=1"


def test_a_received_signature_is_repaired() -> None:
    """A plus sign may have been lost anywhere, also at the very start; wrapping does not count."""
    assert signing.as_received(" ab cd\r\nef\t==\n") == "+ab+cdef=="
