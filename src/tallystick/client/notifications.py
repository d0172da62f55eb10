"""Check a notification as a seller's program does, with the service's certificate and nobody else's.

A message names the certificate to check it with, and a forger can name a certificate of their own. So only an address
below the service's own is accepted, the certificate is fetched from an address that is built here, and redirects are
not followed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tallystick.domain.messages import signing
from tallystick.domain.messages.signed_messages import CERTIFICATE_FILE, CERTIFICATES_PATH, key_name

_MAX_CERTIFICATE_BYTES: Final = 16 * 1024


class NotGenuineError(Exception):
    """The message is not from the service, was changed, or was meant for another address; the text says which."""


@dataclass(slots=True)
class Verifier:
    """Checks notifications of the service at `service_url`; each certificate is fetched once.

    `methods`: those that count. Whoever has the service sign with SHA-256 takes nothing else any more.
    """

    service_url: str
    http: httpx.AsyncClient
    methods: Collection[str] = signing.RSA_METHODS
    _keys: dict[str, RSAPublicKey] = field(default_factory=dict)

    async def verify(self, url: str, body: bytes) -> Mapping[str, str]:
        """The parameters of a notification that was posted to `url`, its own query included.

        Raises NotGenuineError; httpx.HTTPError when the certificate cannot be had: then nothing is known.
        """
        params = _decoded(body)
        method = params.get("signatureMethod", "")
        if params.get("signatureVersion") != "2" or method not in self.methods:
            raise NotGenuineError(f"it is not signed with version 2 and {' or '.join(self.methods)}")
        name = key_name(params.get("certificateUrl", ""), self.service_url)
        if name is None:
            raise NotGenuineError(f"its certificate is not one of {self.service_url}")
        key = self._keys.get(name) or await self._fetch(name)
        try:
            text = signing.string_to_sign_outbound("POST", url, params)
        except ValueError as error:
            raise NotGenuineError(str(error)) from error
        if not signing.rsa_verifies(text, params.get("signature", ""), key, method):
            raise NotGenuineError(f"the signature does not fit the message at {url}")
        return params

    async def _fetch(self, name: str) -> RSAPublicKey:
        url = f"{self.service_url}{CERTIFICATES_PATH}{name}{CERTIFICATE_FILE}"
        response = await self.http.get(url, follow_redirects=False)
        if response.status_code != httpx.codes.OK or len(response.content) > _MAX_CERTIFICATE_BYTES:
            raise NotGenuineError(f"the service has no certificate {name}")
        try:
            self._keys[name] = signing.public_key(response.text)
        except (ValueError, TypeError) as error:
            raise NotGenuineError(f"what the service serves as {name} is no certificate") from error
        return self._keys[name]


def _decoded(body: bytes) -> dict[str, str]:
    """Decode the form, refusing repeated names: a program might read one value and the signature cover the other."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise NotGenuineError("it is not a form") from error
    params = dict(pairs)
    if len(params) < len(pairs):
        raise NotGenuineError("it names a parameter twice")
    return params
