"""What an observer on the wire sees: tcpdump on a switch."""

from __future__ import annotations

import signal
import struct
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from meshdht.lab.host import Switch
from meshdht.lab.namespace import Namespace
from meshdht.lab.process import STOP_TIMEOUT_S, LabError

FILE_HEADER_BYTES = 24
RECORD_HEADER_BYTES = 16
SETTLE_S = 0.2  # on a signal tcpdump forgets what the kernel still holds for it


class Capture:
    """Records from ``__enter__`` to ``__exit__``; then ``pcap`` holds the file and ``frames()``
    its Ethernet frames."""

    def __init__(self, core: Namespace, switch: Switch) -> None:
        self._core = core
        self._switch = switch
        self.pcap = b""

    def __enter__(self) -> Self:
        self._file = tempfile.TemporaryFile()  # unlinked: it vanishes with its last user
        argv = ["tcpdump", "-n", "--immediate-mode", "-U", "-s", "0", "-Z", "root"]
        self._tcpdump = self._core.popen(
            [*argv, "-i", self._switch.bridge, "-w", "-"], stdout=self._file
        )
        assert self._tcpdump.popen.stderr is not None
        said = self._tcpdump.popen.stderr.readline()
        if "listening on" not in said:
            self._tcpdump.stop()
            raise LabError(f"tcpdump does not record: {said.strip()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        time.sleep(SETTLE_S)
        with self._file:
            self._tcpdump.signal(signal.SIGINT)
            self._tcpdump.stop(STOP_TIMEOUT_S)
            self._file.seek(0)
            self.pcap = self._file.read()

    def frames(self) -> Iterator[bytes]:
        """Every Ethernet frame of the recording, in order."""
        order = "<" if self.pcap[:1] in (b"\xd4", b"\x4d") else ">"
        position = FILE_HEADER_BYTES
        while position < len(self.pcap):
            (length,) = struct.unpack_from(f"{order}I", self.pcap, position + 8)
            position += RECORD_HEADER_BYTES
            yield self.pcap[position : position + length]
            position += length
