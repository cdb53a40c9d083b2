"""Dialogues in the trace format, from bytes without checksums."""


def line(side: str, told: bytes | str) -> str:
    """One block: ``>`` the VMC's, ``<`` the peripheral's."""
    data = bytes.fromhex(told) if isinstance(told, str) else told
    return f"{side} {data.hex()} {sum(data) & 0xFF:02X} \n"


def ask(command: bytes | str, reply: str | None = None) -> str:
    """A command, and the peripheral's ACK or an answer that the VMC acknowledges."""
    return line(">", command) + ("< 00 \n" if reply is None else line("<", reply) + "> 00 \n")
