"""Strings to sign and signatures: pure functions. Source: docs/protocol/signatures.md; its vectors run as tests.

HMAC with a caller's secret signs what comes in, RSA with the service's own key signs what goes out through a buyer's
browser or as a notification. Parameters are decoded values; every function here encodes them itself.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_to_bytes, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from tallystick.domain.speedups import compiled

HMAC_METHODS: Final = {"HmacSHA256": "sha256", "HmacSHA1": "sha1"}
RSA_METHOD: Final = "RSA-SHA1"
"""The protocol's own, which every receiver of that time knows."""

RSA_SHA256: Final = "RSA-SHA256"
_RSA_HASHES: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    RSA_METHOD: hashes.SHA1,  # SHA-1, since the protocol has nothing else
    RSA_SHA256: hashes.SHA256,
}
RSA_METHODS: Final = tuple(_RSA_HASHES)
"""The methods by which a message of ours may be signed: ours to add, since receivers read it from the message."""

_UNRESERVED: Final = re.compile(r"[A-Za-z0-9\-_.~]*", re.ASCII)  # most of what is signed needs no encoding
_ENCODED_NAME: Final = rb"[A-Za-z0-9\-_.~]++"
_ENCODED_VALUE: Final = (
    rb"[A-Za-z0-9\-_.~]*+(?:%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF])[A-Za-z0-9\-_.~]*+)*+"
)
_ENCODED_QUERY: Final = re.compile(
    rb"%b=%b(?:&%b=%b)*+" % (_ENCODED_NAME, _ENCODED_VALUE, _ENCODED_NAME, _ENCODED_VALUE)
)
DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def percent_encoded(text: str) -> str:
    """Encode as RFC 3986 says: UTF-8, only letters, digits and ``-_.~`` stay; hex digits in upper case."""
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="-_.~")


_encoded_name = lru_cache(maxsize=256)(percent_encoded)  # a few dozen names recur; anybody can send others


def percent_encoded_query(params: Mapping[str, str]) -> str:
    """The parameters as a query string, in their own order."""
    return "&".join(f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in params.items())


def host_line(host: str, port: int | None, scheme: str) -> str:
    """The second line of a string to sign: lower case, with the port unless it is the scheme's default."""
    return host.lower() if port is None or str(port) == DEFAULT_PORTS[scheme] else f"{host.lower()}:{port}"


def host_lines(host_header: str, scheme: str) -> tuple[str, ...]:
    """The forms of a Host header that a signature may have been made over, the canonical one first.

    Clients differ: some sign the host alone, some host and port as written. Accepted are the form without the default
    port, the form as written and the form without any port.
    """
    as_written = host_header.strip().lower()
    host, colon, port = as_written.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.endswith("]")):
        return (as_written,)
    canonical = host if port == DEFAULT_PORTS.get(scheme) else as_written
    return tuple(dict.fromkeys((canonical, as_written, host)))


@lru_cache(maxsize=64)  # bounded, since strangers choose the header
def signed_hosts(host_header: str, public_url: str) -> tuple[str, ...]:
    """The forms of the host over which a client may have signed: as it wrote it, and the one by which we are known.

    A proxy before us may send another host than the client wrote.
    """
    public = urlsplit(public_url)
    seen = host_lines(host_header, public.scheme)
    return tuple(dict.fromkeys((*seen, *host_lines(public.netloc, public.scheme))))


def string_to_sign_v2(verb: str, host_line: str, path: str, params: Mapping[str, str], omit: str) -> str:
    """Four lines: verb, host, path, parameters in byte order of their names.

    `omit` is the one name that is left out: ``Signature`` for the API, ``signature`` elsewhere. `path` is as written
    in the request; an empty one counts as ``/``.
    """
    # the byte order of UTF-8 is the order of the code points, which is how str compares
    pairs = [
        f"{_encoded_name(name)}={value if value.isalnum() and value.isascii() else percent_encoded(value)}"
        for name, value in sorted(params.items())
        if name != omit
    ]
    return string_to_sign_as_sent(verb, host_line, path, "&".join(pairs))


def string_to_sign_as_sent(verb: str, host_line: str, path: str, in_order: str) -> str:
    """As `string_to_sign_v2`, with parameters encoded and in order already, as `read_encoded_query` gives them."""
    encoded_path = path if path == "/" else _encoded_path(path or "/")
    return f"{verb.upper()}\n{host_line}\n{encoded_path}\n{in_order}"


def read_encoded_query_in_python(query: bytes, omit: str) -> tuple[dict[str, str], str] | None:
    """The parameters of a query string, and the same in byte order of their names, without `omit`, as they were sent.

    None where that is not how `string_to_sign_v2` would encode them, where their own names need encoding, where one is
    repeated and where they are not UTF-8: the caller then parses the query with the general parser.
    """
    if _ENCODED_QUERY.fullmatch(query) is None:
        return None
    # "=" becomes NUL, which sorts before every character, while sorting: "a=" has to come before "a.b="
    pairs = query.decode("ascii").replace("=", "\0").split("&")
    params: dict[str, str] = {}
    try:
        for pair in pairs:
            name, _, value = pair.partition("\0")
            params[name] = _unquoted(value) if "%" in value else value
    except UnicodeDecodeError:
        return None
    if len(params) != len(pairs):
        return None
    pairs.sort()
    place = bisect_left(pairs, f"{omit}\0")
    if place < len(pairs) and pairs[place].startswith(f"{omit}\0"):
        del pairs[place]
    return params, "&".join(pairs).replace("\0", "=")


def _unquoted(value: str) -> str:
    """A value as it was meant. What base64 and moments escape is replaced directly: it is in every request."""
    plain = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=").replace("%3A", ":")
    return unquote(value, errors="strict") if "%" in plain else plain


read_encoded_query: Callable[[bytes, str], tuple[dict[str, str], str] | None] = (
    read_encoded_query_in_python if compiled is None else compiled.read_encoded_query
)


def _encoded_path(path: str) -> str:
    return "/".join(quote(unquote_to_bytes(segment), safe="-_.~") for segment in path.split("/"))


def string_to_sign_v1(params: Mapping[str, str], omit: str) -> str:
    """Names and values run together, in an order that ignores case. For old messages; for calls by a setting."""
    names = sorted((name for name in params if name != omit), key=lambda name: (name.lower(), name))
    return "".join(name + params[name] for name in names)


def string_to_sign_v0(params: Mapping[str, str]) -> str:
    """Action and time, and nothing else. For the oldest calls, where a setting allows them."""
    return params.get("Action", "") + params.get("Timestamp", "")


def string_to_sign_2007(path: str, params: Mapping[str, str]) -> str:
    """The Co-Branded scheme of 2007 (`awsSignature`): path and form-encoded query, order ignoring case."""
    names = sorted((name for name in params if name != "awsSignature"), key=lambda name: (name.lower(), name))
    return path + "?" + "&".join(f"{_form_encoded(name)}={_form_encoded(params[name])}" for name in names)


def _form_encoded(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")


def hmac_signature(text: str, secret: str, method: str) -> str:
    """Sign with a secret key; base64. `method` is a key of HMAC_METHODS, anything else is a bug of ours (KeyError)."""
    mac = hmac.new(secret.encode(), text.encode(), HMAC_METHODS[method])  # unlike hmac.digest it keeps the interpreter
    return binascii.b2a_base64(mac.digest(), newline=False).decode("ascii")


def equal(given: str, expected: str) -> bool:
    """Compare two signatures in constant time. White space does not count: base64 may come wrapped."""
    return hmac.compare_digest("".join(given.split()).encode(), expected.encode())


def as_received(signature: str) -> str:
    """Repair a received base64 signature: a space inside it is a ``+`` that was not encoded; line breaks wrap it."""
    return "".join(signature.replace(" ", "+").split())


def string_to_sign_outbound(verb: str, url: str, params: Mapping[str, str]) -> str:
    """What is signed on the way out: GET for a return URL, POST for a notification, host and path of the receiver.

    `params` are sent besides the parameters that `url` itself has; both are signed, `signature` is not. Raises
    ValueError when `url` is not an absolute http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"not an http or https URL: {url[:200]!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    own = dict(parse_qsl(parts.query, keep_blank_values=True))
    return string_to_sign_v2(
        verb, host_line(host, parts.port, parts.scheme), parts.path, {**own, **params}, "signature"
    )


def rsa_signature(text: str, private_key: RSAPrivateKey, method: str = RSA_METHOD) -> str:
    """Sign with RSA and PKCS #1 v1.5, base64 without line breaks. `method`: one of RSA_METHODS, else KeyError."""
    signature = private_key.sign(text.encode(), padding.PKCS1v15(), _RSA_HASHES[method]())
    return base64.b64encode(signature).decode("ascii")


def rsa_verifies(text: str, signature: str, public_key: RSAPublicKey, method: str = RSA_METHOD) -> bool:
    """Whether `signature` (base64, wrapped or not) is one of rsa_signature by the owner of `public_key`.

    No signature is one by a `method` that we do not know.
    """
    if method not in _RSA_HASHES:
        return False
    try:
        raw = base64.b64decode(as_received(signature), validate=True)
        public_key.verify(raw, text.encode(), padding.PKCS1v15(), _RSA_HASHES[method]())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def public_key(certificate_pem: str) -> RSAPublicKey:
    """The public key in a certificate of ours. Raises ValueError, TypeError when it is none."""
    key = load_pem_x509_certificate(certificate_pem.encode("ascii")).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the certificate is not one of ours: no RSA key")
    return key
