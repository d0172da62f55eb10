"""Which files can be logos."""

from __future__ import annotations

import pytest
from tests.stories.pictures import jpeg_outline, png

from tallystick.services.form_errors import FormError
from tallystick.services.seller.logos import read_logo

GOOD = png(215, 40)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(GOOD, "image/png"), (png(860, 160), "image/png"), (jpeg_outline(215, 40), "image/jpeg")],
)
def test_small_pictures_can(data: bytes, media_type: str) -> None:
    logo = read_logo(data)
    assert (logo.media_type, logo.picture) == (media_type, data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>x()</script></svg>", "PNG or JPEG"),
        (b"GIF89a" + bytes(20), "PNG or JPEG"),
        (png(861, 40), "861 x 40"),
        (png(40, 161), "40 x 161"),
        (jpeg_outline(1000, 10), "1000 x 10"),
        (png(0, 10), "0 x 10"),
        (bytes(70_000), "64 KiB"),
        (GOOD + b"<script>", "damaged"),
        (GOOD[:-1], "damaged"),
        (GOOD[:40], "damaged"),
        (GOOD.replace(b"IDAT", b"IDOT"), "damaged"),
        (GOOD[:8], "damaged"),
        (GOOD[:8] + GOOD[33:], "damaged"),
        (jpeg_outline(10, 10)[:-2], "damaged"),
        (jpeg_outline(10, 10)[:12] + b"\xff\xd9", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00\xff\xd9", "damaged"),
    ],
)
def test_other_files_cannot(data: bytes, told: str) -> None:
    with pytest.raises(FormError) as refused:
        read_logo(data)
    assert told in refused.value.problems["file"]
