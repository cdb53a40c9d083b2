"""Where the demo's parts listen."""

import socket
from contextlib import ExitStack

from cloud.demo.places import Places


def test_nobody_is_given_a_port_of_the_demo_before_its_part_listens() -> None:
    """The last of them does so seconds after it was chosen, and much is connected meanwhile."""
    places = Places.free()
    ports = {places.broker, places.emulator, places.public, places.cabinet, places.kiosk}
    assert len(ports) == 5
    with ExitStack() as stack:
        others = [stack.enter_context(socket.socket()) for _ in range(200)]
        for each in others:
            each.bind(("127.0.0.1", 0))
        dealt = [each.getsockname()[1] for each in others]
    assert max(ports) < min(dealt)
