"""The machine's bus as a target: adapters' lines, ports' bytes, captures, audits, the conversation."""

import contextlib
import gzip
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from bookkeeper import Books, Vend
from hostile.bus import speech
from hostile.bus.ears import heard_of, judged

from mdb.__main__ import main
from mdb.byte import Signal
from mdb.heading import read_heading
from mdb.qibixx import WINDOW, Order, parse
from mdb.taps.linewise import LONGEST, Linewise
from mdb.taps.port import Pass
from mdb.taps.seam import Seam
from mdb.taps.steady import Steady
from mdb.taps.uart import Bus
from mdb.trace import parse_line

CUTS = (1, 2, 7, 64, 4096)
PASS_S = 0.004


def conversation(told: bytes) -> None:
    """Whatever is said: no sale without its words, no amount that those cannot say."""
    judged(speech.signals_of(told[1:]), vmc_only=bool(told[:1] and told[0] & 1))


def qibixx_lines(told: bytes) -> None:
    """An adapter's lines, in pieces of any size."""
    order, steady = Order(), Steady()
    signals: list[Signal] = []
    for at, line in _lines(told):
        sniffed = parse(line, at)
        if sniffed is None or not sniffed.signals:
            continue
        for each in [*order.add(sniffed), *order.beyond(WINDOW)]:
            then = steady.at(each.tick / 10_000, each.heard)
            signals += [signal._replace(at=then) for signal in each.signals]
    signals += [signal for each in order.flush() for signal in each.signals]
    judged(_joined(signals))


def trace_lines(told: bytes) -> None:
    """A microcontroller's lines."""
    steady = Steady()
    signals: list[Signal] = []
    for at, line in _lines(told):
        said = parse_line(line.split("#")[0].strip()) or []
        late = steady.at(said[0].at, at) - said[0].at if said else 0.0
        signals += [each._replace(at=each.at + late) for each in said]
    assert all(abs(each.at) < float("inf") for each in signals)
    judged(_joined(signals))


def uart_bytes(told: bytes) -> None:
    """What two ports read, pass by pass: a byte of how many on which, and those."""
    for vmc_only in (True, False):
        bus, at = Bus(vmc_only=vmc_only), 10.0
        given: list[Signal] = []
        rest = told
        while rest:
            count, rest = rest[0], rest[1:]
            one, rest = rest[: count & 0x3F], rest[count & 0x3F :]
            other = not vmc_only and count & 0x40
            at += 1.0 if count & 0x80 else PASS_S
            data = (one,) if vmc_only else (b"", one) if other else (one, b"")
            given += bus.feed(Pass(at, data))
        given += bus.flush()
        assert len(given) <= len(told) * 2
        judged(_joined(given), vmc_only=vmc_only)


def capture(told: bytes) -> None:
    """A file for the commands that read one: 0, or 2 and one line that says why."""
    with tempfile.TemporaryDirectory(prefix="chekomat-hostile-") as name:
        file = Path(name) / "capture"
        file.write_bytes(told)
        _commanded("decode", str(file), "--json")
        _commanded("decode", str(file), "--stats", "--since", "0:00:01")
        _commanded("pcap", str(file), f"{name}/out.pcap", "--start", "2026-11-25T15:10:48Z")


def audit(told: bytes) -> None:
    """A machine's audit file, alone and beside a sound one: the same, and no sum below nothing."""
    with tempfile.TemporaryDirectory(prefix="chekomat-hostile-") as name:
        file, sound, fallen = (Path(name) / each for each in ("audit", "sound", "fallen"))
        file.write_bytes(told)
        sound.write_bytes(_AUDITS[0])
        fallen.write_bytes(re.sub(rb"[1-9](?=[*\r\n])", b"0", told))
        for reads in ((file,), (file, sound), (sound, file), (file, file), (file, fallen)):
            for line in _commanded("audit", *map(str, reads), "--json"):
                counted = {**json.loads(line), "imbalances": None}
                assert min(_numbers(json.dumps(counted)), default=0) >= 0
            for line in _commanded("audit", *map(str, reads)):
                assert line.rstrip("\n").isprintable()


def _commanded(*words: str) -> list[str]:
    """What the command prints: it ends with 0, or with 2 and one line that says why."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    told_why = err.getvalue().splitlines()
    assert status == 0 or (status == 2 and len(told_why) == 1), (status, told_why)
    assert all(line.isprintable() for line in told_why)
    out.seek(0)
    lines = list(out)
    for line in lines if "--json" in words else ():
        json.loads(line, parse_constant=_no_number)
    return lines


def _numbers(told: str) -> list[int]:
    """Every number in a piece of JSON."""
    found: list[int] = []
    json.loads(told, parse_int=lambda each: found.append(int(each)))
    return found


def heading(told: bytes) -> None:
    """A capture's comments, and a conversation that is heard with what they say."""
    known = read_heading(told.decode("utf-8", "replace").splitlines())
    read_heading(known.lines())
    for seed in speech.SEEDS[:3]:
        for _ in heard_of(speech.signals_of(seed), known=known.context, vmc_only=known.vmc_only):
            pass


def _no_number(told: str) -> None:
    raise AssertionError(f"{told} is no JSON")


def _lines(told: bytes) -> Iterator[tuple[float, str]]:
    """What is read, in pieces of the size that the first byte says, as lines with their time."""
    size, text = CUTS[told[0] % len(CUTS)] if told else 1, Linewise()
    for begin in range(1, len(told), size):
        for line in text.feed(told[begin : begin + size]):
            assert len(line) <= LONGEST
            yield 10.0 + begin * 0.0001, line


def _joined(signals: list[Signal]) -> list[Signal]:
    seam = Seam()
    joined = [whole for signal in signals for whole in seam.join(signal)]
    assert all(one.at <= two.at for one, two in pairwise(joined))
    return joined


_TEXTS = [each.read_bytes() for each in speech.TRACES]
_AUDITS = [
    Books(vends=[Vend("10", 15000), Vend("1*1", 0, "DA"), Vend("10", 9000, "DB")]).dts(),
    Books(decimals="0", vends=[Vend("7", 10, kind="PA4")]).dts(b"\n", "0000"),
    b"ID1*ABC\nVA1*1*1\nCA3*1*1*1*1*1*1*1*1*1*1\nPA1*1*1*^2A^\nPA8*1*1\nPA7*1**0*1*1*1\nSE*7*1\n",
]
_SNIFFED = next(each for each in _TEXTS if b"\nx,0" in each)

TARGETS: dict[str, Callable[[bytes], object]] = {
    "bus": conversation,
    "qibixx": qibixx_lines,
    "trace-lines": trace_lines,
    "uart": uart_bytes,
    "capture": capture,
    "heading": heading,
    "audit": audit,
}
SEEDS = {
    "bus": [b"\0" + each for each in speech.SEEDS],
    "qibixx": [bytes([size]) + _SNIFFED for size in range(len(CUTS))],
    "trace-lines": [bytes([index]) + each for index, each in enumerate(_TEXTS)],
    "uart": [
        b"\x02\x11\x10\x81\xff\x00\x10\x42\xff\x00",
        b"\x3f" + b"\xff\x00\x00" * 21 + b"\x81\x00",
    ],
    "capture": [*_TEXTS, gzip.compress(_TEXTS[0], mtime=0), gzip.compress(_SNIFFED, mtime=0)[:-9]],
    "heading": [
        (
            b'# vmc-only\n# context 10 {"vmc_level": 3, "scaling": {"scale": 10, "decimals": 2,'
            b' "currency": "RUB", "code": "1643"}, "expanded": true, "credits": [1, 2, 255]}'
        ),
    ],
    "audit": _AUDITS,
}
