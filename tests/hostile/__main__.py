"""``make fuzz TARGET=NAME``: feeds a target with bytes, led by what they reach, until it raises.

What it raised at is kept in a file; ``python -m hostile NAME --again FILE`` does it once more.
"""

import argparse
import importlib.util
import logging
import sys
import tempfile
from pathlib import Path

PACKAGES = ["mdb", "edge", "cloud"]
MISSING = """\
make fuzz needs atheris, which is in no extra: its wheels are for few versions of Python.
Install it beside the rest: .venv/bin/uv pip install --python .venv/bin/python atheris"""


def main(arguments: list[str] | None = None) -> int:
    """Fuzz; 2 if nothing could be begun, libFuzzer's own status if the target raised."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", default="")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was found to lead on")
    parser.add_argument("--again", type=Path, help="a file that it ended with; without atheris")
    asked = parser.parse_args(arguments)
    if asked.again is not None:
        from hostile.targets import TARGETS

        TARGETS[asked.target](asked.again.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        print(MISSING, file=sys.stderr)
        return 2
    import atheris

    logging.disable()
    # What is followed has to be loaded while it watches.
    with atheris.instrument_imports(include=PACKAGES):
        from hostile.targets import SEEDS, TARGETS
    if asked.target not in TARGETS:
        print(f"TARGET=… expected one of: {' '.join(sorted(TARGETS))}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="chekomat-fuzz-") as name:
        corpus = asked.corpus or Path(name)
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(SEEDS[asked.target]):
            (corpus / f"seed-{number}").write_bytes(seed)
        told = [f"-max_total_time={asked.seconds}", "-max_len=70000", "-timeout=20"]
        told += [f"-artifact_prefix={tempfile.gettempdir()}/chekomat-{asked.target}-"]
        atheris.Setup([sys.argv[0], *told, str(corpus)], TARGETS[asked.target])
        atheris.Fuzz()  # ends the process by itself
    return 0


if __name__ == "__main__":
    sys.exit(main())
