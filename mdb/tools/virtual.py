"""``python -m mdb virtual``: a vending machine in memory on a pty, scripted or driven by keys."""

import argparse
import contextlib
import json
import os
import sys
import termios
import tty
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from mdb.tools.mistake import MistakeError, of_file
from mdb.tools.pseudo_port import SPEECHES, PseudoPort
from mdb.tools.replay import AT_ONCE_HELP, add_port_options, terminable
from mdb.virtual.keys import ScenarioError
from mdb.virtual.scenario import Life, Scenario
from mdb.virtual.scenario_file import parse_scenario, read_scenario, sample
from mdb.virtual.steps import Step

EXAMPLES: Final = """\
examples:
  python -m mdb virtual --link /tmp/tap                   keys: sell by hand
  python -m mdb watch lines:/tmp/tap                      in another terminal
  python -m mdb virtual --sample > day.toml               a scenario to change
  python -m mdb virtual day.toml --once --at-once --speak qibixx
"""
LEGEND: Final = """\
  1…9      купить картой            buy by card
  c 1…9    купить за наличные       buy by cash
  d        отказ терминала          the reader denies
  f        товар не выдан           nothing fell
  r        сброс между «одобрено» и «выдано»   reset before VEND SUCCESS
  q        выключить                switch off
"""
ASKED: Final = {"d": "deny", "f": "fail", "r": "reset"}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "virtual",
        help="a vending machine in memory, on a pseudo serial port",
        description="A machine in memory on a pty. It lives while somebody has the port open. At"
        " the end it prints what really happened, one JSON object a line.",
        epilog=f"keys, without a scenario:\n{LEGEND}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", nargs="?", type=Path, metavar="SCENARIO", help="a TOML file")
    parser.add_argument("--sample", action="store_true", help="print a scenario with every key")
    add_port_options(parser)
    parser.add_argument("--seed", type=int, metavar="N", help="another life of the same scenario")
    parser.add_argument("--noise", type=_rate, metavar="R", help="part of the bytes spoiled")
    parser.add_argument("--once", action="store_true", help="switch off after the last step")
    parser.add_argument("--at-once", action="store_true", help=AT_ONCE_HELP)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Let the machine live until its scenario ends, ``q``, Ctrl-C or SIGTERM.

    Raises:
        MistakeError: the scenario makes no sense, or there is none and no terminal either.
    """
    if arguments.sample:
        print(sample(), end="")
        return 0
    scenario = _scenario(arguments)
    keys = None if arguments.scenario else Keyboard(scenario)
    if keys and not sys.stdin.isatty():
        raise MistakeError("name a SCENARIO, or run on a terminal; --sample prints a scenario")
    life = Life(scenario)
    pace = 0.0 if arguments.at_once else 1.0
    with (
        terminable(),
        contextlib.nullcontext() if keys is None else _unbuffered(sys.stdin.fileno()),
        PseudoPort(SPEECHES[arguments.speak](), arguments.link, keys) as port,
    ):
        try:
            _tell(f"port {port.path}" + (f" = {port.link}" if port.link else ""))
            _live(life, port, pace, keys, once=arguments.once)
        except KeyboardInterrupt:
            _tell("switched off")
    _print_truth(life)
    return 0


class Keyboard:
    """Keys as steps; an ear of the port's."""

    def __init__(self, scenario: Scenario) -> None:
        self.steps: deque[Step] = deque()
        self.switched_off = False
        self._items = list(scenario.make.prices)
        self._cash = False

    def fileno(self) -> int:
        """Standard input."""
        return sys.stdin.fileno()

    def ready(self) -> None:
        """A key was pressed."""
        keys = os.read(self.fileno(), 64).decode("utf-8", "replace")
        self.press(keys or "q")

    def press(self, keys: str) -> None:
        """What each key asks for; the rest mean nothing."""
        for key in keys:
            cash, self._cash = self._cash, key in "cCсС"
            if key.isdecimal() and 0 < int(key) <= len(self._items):
                self.steps.append(Step("cash" if cash else "vend", self._items[int(key) - 1]))
            elif key in ASKED:
                self.steps.append(Step(ASKED[key], self._items[0]))
            elif key in "qQ\x04":
                self.switched_off = True


def _scenario(arguments: argparse.Namespace) -> Scenario:
    try:
        file = arguments.scenario
        scenario = read_scenario(file) if file else _by_hand()
    except ScenarioError as error:
        raise MistakeError(str(error)) from error
    except OSError as error:
        raise of_file(arguments.scenario, error) from error
    if arguments.seed is not None:
        scenario = replace(scenario, seed=arguments.seed)
    return scenario if arguments.noise is None else replace(scenario, noise=arguments.noise)


def _by_hand() -> Scenario:
    """The sample's machine, heard well: who tries it for the first time is to see sales, no faults."""
    return replace(parse_scenario(sample()), steps=(), loss=0.0, noise=0.0)


def _live(life: Life, port: PseudoPort, pace: float, keys: Keyboard | None, *, once: bool) -> None:
    if keys:
        _show_keys(life.scenario)
    if not port.until_listening():
        return
    _tell("somebody listens: the machine is switched on")
    life.begin()
    _play(life, port, pace)
    steps = _steps(life.scenario, keys)
    for step in steps:
        if step is None and once and not keys:
            break
        if step is None:
            life.machine.round()
        else:
            _tell(_told(step))
            life.do(step)
        _play(life, port, pace if step else 1.0)
    if not keys:
        port.drain()


def _steps(scenario: Scenario, keys: Keyboard | None) -> Iterator[Step | None]:
    """What happens next; None is a round of POLLs in which nothing does."""
    if keys is None:
        yield from scenario.steps
        yield Step("wait", seconds=2.0)
    while keys is None or not keys.switched_off:
        yield keys.steps.popleft() if keys and keys.steps else None


def _play(life: Life, port: PseudoPort, pace: float) -> None:
    for _ in port.play(life.heard(), pace):
        pass


def _told(step: Step) -> str:
    what = {name: value for name, value in asdict(step).items() if value != getattr(Step(""), name)}
    return " ".join([what.pop("do"), *(f"{name}={value}" for name, value in what.items())])


def _show_keys(scenario: Scenario) -> None:
    _tell(LEGEND.rstrip())
    for number, (item, price) in enumerate(scenario.make.prices.items(), 1):
        _tell(f"  {number} = {item}  {price / 100:.2f}")


def _print_truth(life: Life) -> None:
    truth = life.machine.truth
    for deed in truth.deeds:
        told = {"truth": type(deed).__name__.lower(), **asdict(deed)}
        told |= {"address": f"{deed.address:02x}", "at": round(deed.at, 6)}
        print(json.dumps(told, ensure_ascii=False))
    print(json.dumps({"truth": "cash_kept", "amount": truth.cash_kept}))
    print(json.dumps({"truth": "noise", "hits": life.noise.hits}), flush=True)


@contextlib.contextmanager
def _unbuffered(terminal: int) -> Iterator[None]:
    """Keys come one by one, and are not shown."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _rate(told: str) -> float:
    try:
        rate = float(told)
    except ValueError:
        rate = -1.0
    if not 0.0 <= rate <= 0.5:
        raise argparse.ArgumentTypeError(f"expected a part from 0 to 0.5, not {told!r}")
    return rate
