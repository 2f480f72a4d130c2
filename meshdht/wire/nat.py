"""What devices do for each other to learn about NATs: boxed from one device to one other.

    body      = nonce (24) ‖ XChaCha20-Poly1305(box key, nonce, plaintext) ‖ tag (16)
    plaintext = message id (8) ‖ content, padded with zeros to 64 bytes
    content   = NAT_REQUEST: u8 what ‖ token (8) ‖ device (20) ‖ endpoint
                NAT_REPLY: u8 done ‖ endpoint
                NAT_PROBE: nothing
    aad       = kind (1) ‖ sender (20) ‖ receiver (20)

What is asked for (RFC 4787 has the terms; device and endpoint are zeros and 0.0.0.0:0 if unused):

    1 WITNESS     where do you see this device? The reply's endpoint.
    2 OTHER_PORT  probe me, at where this came from, from another port of yours. The reply's
                  endpoint has that port, as far as you know; what comes there is replied to with
                  where it came from, under the token.
    3 OTHER_HOST  have another device do so.
    4 ON_BEHALF   probe this device at this endpoint: its request 3, passed on.

A NAT_PROBE's message id is the token of the request that it is due to. All bodies have one size,
so that nobody is sent more than it sent.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, BoxKey, open_sealed, seal
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import NOWHERE, Endpoint
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer
from meshdht.wire.packet import MESSAGE_ID_SIZE, MessageKind

PLAINTEXT_SIZE = 64
BODY_SIZE = NONCE_SIZE + PLAINTEXT_SIZE + TAG_SIZE
NOBODY = DeviceId(bytes(DeviceId.SIZE))


class NatTask(enum.IntEnum):
    """What a NAT_REQUEST asks for."""

    WITNESS = 1
    OTHER_PORT = 2
    OTHER_HOST = 3
    ON_BEHALF = 4


@dataclass(frozen=True, slots=True)
class NatRequest:
    """What a NAT_REQUEST says."""

    task: NatTask
    token: bytes
    """Of MESSAGE_ID_SIZE bytes: the message id of the probes that it leads to."""
    device: DeviceId = NOBODY
    endpoint: Endpoint = NOWHERE

    def encode(self) -> bytes:
        """The content of a NAT_REQUEST."""
        writer = Writer().u8(self.task).raw(self.token).raw(self.device.raw)
        return writer.endpoint(self.endpoint).bytes()


@dataclass(frozen=True, slots=True)
class NatReply:
    """What a NAT_REPLY says: whether it was done, and where."""

    done: bool
    endpoint: Endpoint = NOWHERE

    def encode(self) -> bytes:
        """The content of a NAT_REPLY."""
        return Writer().u8(self.done).endpoint(self.endpoint).bytes()


@dataclass(frozen=True, slots=True)
class Between:
    """Who writes to whom, and the key that they share."""

    key: BoxKey
    sender: DeviceId
    receiver: DeviceId

    def seal(
        self, kind: MessageKind, nonce: bytes, message_id: bytes, content: bytes = b""
    ) -> bytes:
        plaintext = (message_id + content).ljust(PLAINTEXT_SIZE, b"\0")
        return nonce + seal(self.key, nonce, plaintext, self._aad(kind))

    def open(self, kind: MessageKind, body: bytes, message_id: bytes) -> Reader:
        """The content; raises OpenFailed or Malformed."""
        nonce, sealed = body[:NONCE_SIZE], body[NONCE_SIZE:]
        reader = Reader(open_sealed(self.key, nonce, sealed, self._aad(kind)))
        if reader.take(MESSAGE_ID_SIZE) != message_id:
            raise Malformed("the boxed message id is not the packet's")
        return reader

    def _aad(self, kind: MessageKind) -> bytes:
        return bytes([kind]) + self.sender.raw + self.receiver.raw


def decode_request(reader: Reader) -> NatRequest:
    """Raises Malformed."""
    code = reader.u8()
    try:
        task = NatTask(code)
    except ValueError:
        raise Malformed(f"no NAT request has the code {code}") from None
    token, device = reader.take(MESSAGE_ID_SIZE), DeviceId(reader.take(DeviceId.SIZE))
    return NatRequest(task, token, device, reader.endpoint())


def decode_reply(reader: Reader) -> NatReply:
    """Raises Malformed."""
    return NatReply(bool(reader.u8()), reader.endpoint())
