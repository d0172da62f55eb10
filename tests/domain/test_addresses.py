"""Which web addresses signed messages can arrive at."""

import pytest

from tallystick.domain.messages.addresses import why_unusable


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "http://SHOP.example:8443/ipn?a=1&b=x+y&c=%C3%A9&A=2",
        "https://shop.example/a..b/...;p=1/.well-known?x=../y",
        "https://shop.example/b%20ack?a;b=1&&=",
        "http://localhost:3001/return",
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
        "http://shop_7.internal./",
        "https://xn--bcher-kva.example/",
    ],
)
def test_what_can_be_reached(url: str) -> None:
    assert why_unusable(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "/relative",
        "//shop.example/x",
        "ftp://shop.example/",
        "https://",
        "https://user:secret@shop.example/",
        "https://@shop.example/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example/a b",
        "https://shop.example/\r\nx",
        "https://sh\u00f6p.example/",
        "https://shop.example\\@evil.example/",
    ],
)
def test_what_is_no_address(url: str) -> None:
    assert why_unusable(url) == "it must be an absolute http or https address in ASCII, without a password"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "xn--a",
            "shop.xn--a",
            "a..b",
            ".shop.example",
            "-x.example",
            "*.example",
            "shop%2eexample",
            "shop.example;x",
        ),
        *(
            "a" * 64 + ".example",
            "a." * 127 + "example",
            "1",
            "127.1",
            "0x7f.1",
            "127.0.0.1.",
            "[fe80::1%25eth0]",
            "[v1.x]",
        ),
    ],
)
def test_a_host_that_no_message_finds(host: str) -> None:
    """Also one that is requested under another name than the signed one."""
    assert why_unusable(f"http://{host}/") in {
        "it names no possible host",
        "it must be an absolute http or https address in ASCII, without a password",
    }


@pytest.mark.parametrize("query", ["item=1&item=2", "%61=1&a=2", "a+b=1&x=2&a%20b=1", "a&b&a"])
def test_a_parameter_given_twice(query: str) -> None:
    """Which of the two was signed cannot be told."""
    assert why_unusable(f"https://shop.example/back?{query}") == "it must not give a parameter more than once"


@pytest.mark.parametrize("path", ["/a/../b", "/.", "/a/..", "/./b", "/a/%2e%2E/b", "/a/.%2e", "/%2e/b"])
def test_dots_that_are_resolved_on_the_way(path: str) -> None:
    assert why_unusable(f"https://shop.example{path}?x=1") == "its path must not contain . or .. as a part"


def test_a_query_that_nobody_can_repeat() -> None:
    assert why_unusable("https://shop.example/?a=%ff") == "its query must be UTF-8"
