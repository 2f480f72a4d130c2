from __future__ import annotations

import asyncio
import ssl

from meshdht.net.certificate import client_context, server_context


async def test_a_client_that_checks_nothing_speaks_tls_with_a_fresh_certificate() -> None:
    seen: list[bytes | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    for _ in range(2):
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context())
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context())
            tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
            assert tls.version() == "TLSv1.3"
            assert tls.selected_alpn_protocol() == "http/1.1"
            seen.append(tls.getpeercert(binary_form=True))
            writer.write(b"hello")
            assert await reader.read() == b"hello"
            writer.close()
    assert seen[0] != seen[1]
