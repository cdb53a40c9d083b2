import socket

import pytest
from aiohttp import ClientSession, web
from parts import free_port

from edge.errors import StartError
from edge.server import serve


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def test_it_serves_what_it_is_given() -> None:
    port = free_port()
    server = await serve(f"127.0.0.1:{port}", [web.get("/hello", hello)])
    try:
        async with ClientSession() as browser:
            async with browser.get(f"http://127.0.0.1:{port}/hello") as answer:
                assert await answer.text() == "hello"
            async with browser.get(f"http://127.0.0.1:{port}/else") as answer:
                assert answer.status == 404
    finally:
        await server.cleanup()


async def test_a_port_in_use_is_named_with_the_next_step() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(StartError, match=f"{listen} cannot be listened on.*another `listen`"):
            await serve(listen, [])
        with pytest.raises(StartError, match=f"^technician: {listen}"):
            await serve(listen, [], whose="technician")


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "192.0.2.1:8081"])
async def test_an_address_that_is_not_ours_is_named(listen: str) -> None:
    with pytest.raises(StartError, match=f"{listen} cannot be listened on"):
        await serve(listen, [])
