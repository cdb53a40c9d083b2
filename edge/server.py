"""The agent's small web servers: the kiosk page and a virtual face, the technician's page."""

from collections.abc import Sequence

from aiohttp import web

from edge.errors import StartError


async def serve(
    listen: str, routes: Sequence[web.RouteDef], whose: str = "display kiosk"
) -> web.AppRunner:
    """Listen on ``HOST:PORT``; `whose` names the table of the configuration that says so.

    Raises:
        StartError: somebody else has the port, or the host is not ours.
    """
    host, _, port = listen.rpartition(":")
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port)).start()
    except (OSError, OverflowError) as error:
        await runner.cleanup()
        raise StartError(
            f"{whose}: {listen} cannot be listened on: {error};"
            " stop what uses the port, or set another `listen`"
        ) from error
    return runner
