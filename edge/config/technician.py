"""``[technician]``: the page for the person at the open door."""

from typing import Annotated

from msgspec import Meta

from edge.wire.settings import Listen, Table


class Technician(Table, frozen=True, kw_only=True):
    """``[technician]``: a page for the person at the open door, on the machine's own network."""

    listen: Annotated[
        Listen, Meta(description="HOST:PORT. 0.0.0.0 is every network the machine is in.")
    ] = "0.0.0.0:8082"
    pin_file: Annotated[
        str,
        Meta(
            description="The file whose content is the PIN that the page asks for. Without it there is no page.",
            min_length=1,
            examples=["/run/credentials/chekomat-edge.service/technician.pin"],
        ),
    ]
