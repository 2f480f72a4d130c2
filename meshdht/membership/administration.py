"""Bodies of the statements by which admins run a network, after the founding and the joining.

14 rekey    generation u32, not 0 ‖ commitment 32 to its secret (see generations.py)
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

COMMITMENT_SIZE = 32
_REKEY = 14


@dataclass(frozen=True, slots=True)
class RekeyBody:
    """A generation begins: its number, and a commitment that tells its secret from others."""

    generation: int
    commitment: bytes


AdministrationBody = RekeyBody


def encode_administration(body: AdministrationBody) -> tuple[int, bytes]:
    """Kind and bytes of a body."""
    return _REKEY, Writer().u32(body.generation).raw(body.commitment).bytes()


def read_administration(kind: int, reader: Reader) -> AdministrationBody | None:
    """The body of a kind that is among those above; None if it is not; raises Malformed."""
    if kind != _REKEY:
        return None
    generation, commitment = reader.u32(), reader.take(COMMITMENT_SIZE)
    if generation == 0:
        raise Malformed("no generation has the number 0")
    return RekeyBody(generation, commitment)
