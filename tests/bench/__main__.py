"""Figures, each beside its ceiling or a bare peer measured in the same run: ``make bench``."""

import asyncio
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from agent import measure_agent
from chain import measure_chain
from disk import measure_disk
from figure import Figure
from listener import measure_listener
from pictures import measure_pictures
from uplink import measure_uplink


def main() -> None:
    print(f"{'':56}{'ours':>12}  {'beside':>12}  {'ratio':>7}   goal")
    for figure in itertools.chain(measure_listener(), measure_disk(), measure_agent()):
        tell(figure)
    for measure in (measure_uplink, measure_pictures, measure_chain):
        for figure in asyncio.run(measure()):
            tell(figure)


def tell(figure: Figure) -> None:
    print(
        f"{figure.name:56}{figure.ours:12.1f}  {figure.beside:12.1f}  "
        f"{figure.ours / figure.beside:7.2f}   "
        + "; ".join(part for part in (figure.unit, f"beside: {figure.peer}", figure.goal) if part),
        flush=True,
    )


if __name__ == "__main__":
    main()
