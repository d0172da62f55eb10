"""What the shop sells. All titles and artists are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SONG_PRICE_MICROS: Final = 50_000  # five cents: far too little for a card


@dataclass(frozen=True, slots=True)
class Song:
    """Something small, sold one by one from a prepaid balance."""

    number: int
    title: str
    artist: str
    length: str


@dataclass(frozen=True, slots=True)
class Record:
    """Something larger, sold on a tab."""

    number: int
    title: str
    artist: str
    price_micros: int


SONGS: Final = tuple(
    Song(number, *row)
    for number, row in enumerate(
        [
            ("Paper Lanterns", "The Ferrymen", "3:12"),
            ("Half a Stick", "Notch & Groove", "2:47"),
            ("Small Change", "Penny Arcadia", "3:33"),
            ("Night Bus Home", "Orla Winter", "4:05"),
            ("Counting Rain", "The Ledgers", "3:58"),
            ("Copper Kettle Blues", "Old Mill Trio", "2:59"),
            ("Seven Bridges", "Kasimir Vale", "5:10"),
            ("Left on Read", "Static Garden", "2:31"),
            ("Harbour Lights Out", "The Ferrymen", "3:44"),
            ("Balance Beam", "Penny Arcadia", "3:21"),
            ("Even Steven", "Notch & Groove", "3:03"),
            ("Last Coin in the Jukebox", "Orla Winter", "4:27"),
        ],
        start=1,
    )
)

RECORDS: Final = tuple(
    Record(number, *row)
    for number, row in enumerate(
        [
            ("Live at the Mill", "Old Mill Trio", 12_000_000),
            ("Seven Bridges (LP)", "Kasimir Vale", 18_000_000),
            ("Tidewater, complete sessions", "The Ferrymen", 40_000_000),
            ("The Big Red Box", "The Ledgers", 50_000_000),
        ],
        start=1,
    )
)
