"""The machine's side as a target: what comes down, its file, its words, who asks it."""

from collections.abc import Callable

from hostile.edge import configuration, downlinks, technician, words

TARGETS: dict[str, Callable[[bytes], object]] = {
    "downlinks": downlinks.hold,
    "edge-config": configuration.hold,
    "words": words.hold,
    "technician-page": technician.page,
    "technician-socket": technician.unix_socket,
}
SEEDS = {
    "downlinks": [*downlinks.SEEDS, b"\n".join(downlinks.SEEDS)],
    "edge-config": configuration.SEEDS,
    "words": words.SEEDS,
    "technician-page": technician.PAGE_SEEDS,
    "technician-socket": technician.SOCKET_SEEDS,
}
