"""Listening: a web application on ``HOST:PORT`` for as long as a block lasts."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from cloud.errors import StartError


@asynccontextmanager
async def listening(
    key: str, address: str, app: web.Application, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve, over HTTPS with `tls`; `key` is the setting or option that named the address.

    Raises:
        StartError: somebody else has the port, or the address is none of ours.
    """
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port), ssl_context=tls).start()
    except (OSError, ValueError, OverflowError) as error:
        await runner.cleanup()
        raise StartError(
            f"{key}: {address} cannot be listened on: {error};"
            f" stop what uses the port, or set another `{key}`"
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()
