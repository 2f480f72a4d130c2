"""The Internet checksum (RFC 1071), of one buffer and of all rows of a matrix at once.

A sum of 16-bit words with the carry added back is the sum modulo 0xffff. So sums here are
residues, 0 to 0xfffe, of the words in network byte order; they may be added and subtracted as
integers. What goes into a packet is ``field(sum)``; a packet that holds its checksum has the
sum 0. Since 2**16 is 1 modulo 0xffff, wider words give the same residue, and words read in the
other byte order give it times 256.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MODULUS = 0xFFFF

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

_WORDS = np.dtype("<u4")


def of(buffer: bytes | bytearray | memoryview) -> int:
    """The sum of a buffer; one of odd length counts as if a zero followed.

    For a single packet this beats numpy, whose calls cost more than the arithmetic.
    """
    total = int.from_bytes(buffer, "big")
    return (total << 8 if len(buffer) & 1 else total) % MODULUS


def of_rows(rows: Bytes) -> Integers:
    """The sum of each row; the bytes of a row must be adjacent, the rows may be apart."""
    width = rows.shape[1]
    even = width & ~3
    sums: Integers = np.add.reduce(rows[:, :even].view(_WORDS), 1, np.int64)
    for column in range(even, width):
        sums += rows[:, column].astype(np.int64) << (column % 2 * 8)
    sums <<= 8
    sums %= MODULUS
    return sums


def of_pseudo_header(addresses: bytes | bytearray | memoryview, protocol: int, size: int) -> int:
    """The sum of what stands before a TCP or UDP header of ``size`` bytes with its payload:
    both addresses as they follow each other in the IP header, of either version."""
    return (of(addresses) + protocol + size) % MODULUS


def field(total: int) -> int:
    """What a checksum field holds for the sum of everything else. UDP writes 0 as 0xffff."""
    return -total % MODULUS
