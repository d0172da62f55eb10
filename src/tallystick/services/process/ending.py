"""Whether this process is about to end: it still answers, and tells whoever asks not to rely on it any more."""

from dataclasses import dataclass


@dataclass(slots=True)
class ProcessEnd:
    """`begun`: from then on `/readyz` answers 503, and each answer closes its connection."""

    begun: bool = False
