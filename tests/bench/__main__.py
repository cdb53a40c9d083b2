"""Figures, each beside its ceiling or a bare peer measured in the same run: ``make bench``.

``python tests/bench fiscaliser`` measures that part alone; any of them may be named.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from agent import measure_agent
from chain import measure_chain
from disk import measure_disk
from figure import Figure
from fiscaliser import measure_fiscaliser
from listener import measure_listener
from pictures import measure_pictures
from uplink import measure_uplink

MEASURES: Final[Mapping[str, Callable[[], Iterator[Figure] | Awaitable[Iterator[Figure]]]]] = {
    "listener": measure_listener,
    "disk": measure_disk,
    "agent": measure_agent,
    "uplink": measure_uplink,
    "pictures": measure_pictures,
    "chain": measure_chain,
    "fiscaliser": measure_fiscaliser,
}
"""Every part, in the order in which it is measured; the longest is the last."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    parser.add_argument("part", nargs="*", help=", ".join(MEASURES))
    parts = parser.parse_args().part or list(MEASURES)
    for unknown in set(parts) - set(MEASURES):
        parser.error(f"no part is called {unknown}; there are {', '.join(MEASURES)}")
    print(f"{'':56}{'ours':>12}  {'beside':>12}  {'ratio':>7}   goal")
    for part in parts:
        figures = MEASURES[part]()
        for figure in figures if isinstance(figures, Iterator) else asyncio.run(_all(figures)):
            tell(figure)


async def _all(figures: Awaitable[Iterator[Figure]]) -> Iterator[Figure]:
    return await figures


def tell(figure: Figure) -> None:
    print(
        f"{figure.name:56}{figure.ours:12.1f}  {figure.beside:12.1f}  "
        f"{figure.ours / figure.beside:7.2f}   "
        + "; ".join(part for part in (figure.unit, f"beside: {figure.peer}", figure.goal) if part),
        flush=True,
    )


if __name__ == "__main__":
    main()
