"""``blueprint``: copy this file for a printer that is reached another way. Say here which, and how.

1. Copy it to `edge/printers/<kind>.py`. If the printer speaks ESC/POS, all it needs is a way to
   open its port as a file descriptor; `Device` asks, sends and opens it again.
2. Give it a table in `edge/config/printers.py`, with `tag="<kind>"`, every field described for the
   operator, and add the table to `PrinterTable`.
3. Open it in `edge/printers/opening.py`, its library imported there and nowhere else.
4. Test it with `tests/boards/thermal.py` behind it: paper out before and in the middle, silence,
   the cable pulled. `tests/edge/printers/test_blueprint.py` shows the least.

A printer that speaks another language is a class of its own: the contract is `Printer` in
`edge/printers/__init__.py`, and `file.py` is the smallest that keeps it.
"""

import os
from functools import partial

from edge.printers.device import Device
from edge.printers.ports import Port
from edge.printers.profiles import Profile


def open_blueprint(device: str) -> Port:
    """Open the port; leave no wait in it without an end.

    Raises:
        OSError: it is not there now; this is asked again, and nobody minds.
    """
    descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return Port(descriptor, partial(os.close, descriptor))


def blueprint(device: str, profile: Profile) -> Device:
    """The printer; nothing is opened yet."""
    return Device(profile, partial(open_blueprint, device))
