"""``usb``: a printer of the USB printer class, /dev/usb/lpN by the kernel's usblp."""

import os
from functools import partial

from edge.printers.ports import Port


def open_usb(device: str) -> Port:
    """Open it for both ways; the kernel lets in one program at a time.

    Raises:
        OSError: it is not there, or not ours to open.
    """
    descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return Port(descriptor, partial(os.close, descriptor), reads_empty=not os.isatty(descriptor))
