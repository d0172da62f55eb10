"""Programs that pay without a pause, four at a time, until a file is there; prints what came of it.

It is copied into machines and containers, where nothing of the tests is: the standard library alone.
    load.py SERVICE SENDER_TOKEN FILE MOST        with KEY and SECRET in the environment
"""

import base64
import hmac
import itertools
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

SERVICE, SENDER, ENOUGH, MOST = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
PROGRAMS = 4
PAUSE_SECONDS = 0.1


def signed(reference: str) -> str:
    """The address of a payment of 0.01."""
    params = {
        "Action": "Pay",
        "AWSAccessKeyId": os.environ["KEY"],
        "CallerReference": reference,
        "SenderTokenId": SENDER,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "TransactionAmount.CurrencyCode": "USD",
        "TransactionAmount.Value": "0.01",
        "Version": "2010-08-28",
    }
    query = "&".join(f"{name}={quote(params[name], safe='-_.~')}" for name in sorted(params))
    text = f"GET\n{urlsplit(SERVICE).netloc.lower()}\n/\n{query}"
    signature = base64.b64encode(hmac.digest(os.environ["SECRET"].encode(), text.encode(), "sha256")).decode()
    return f"{SERVICE}/?{query}&Signature={quote(signature, safe='')}"


def pay(numbers: itertools.count, paid: list, failed: list) -> None:  # type: ignore[type-arg]
    """Pay until it is enough."""
    while not ENOUGH.exists() and (number := next(numbers)) < MOST:
        try:
            with urllib.request.urlopen(signed(f"load-{os.getpid()}-{number}"), timeout=90) as answer:  # noqa: S310
                said = answer.read().decode()
            (paid if "<TransactionStatus>Success<" in said else failed).append(said)
        except urllib.error.HTTPError as error:
            failed.append(f"{error}: {error.read().decode()}")
        except OSError as error:
            failed.append(repr(error))
        time.sleep(PAUSE_SECONDS)


def main() -> None:
    """Pay, and say how often, and what was answered else."""
    numbers, paid, failed = itertools.count(), [], []  # type: ignore[var-annotated]
    programs = [threading.Thread(target=pay, args=(numbers, paid, failed)) for _ in range(PROGRAMS)]
    for one in programs:
        one.start()
    for one in programs:
        one.join()
    print(json.dumps({"paid": len(paid), "failed": failed}))  # noqa: T201 - for whoever started it


main()
