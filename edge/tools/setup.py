"""``setup``: a guided first run: ports, bus, display, printer, and the configuration written."""

import argparse
import asyncio
import logging
import os
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from edge.checks import as_words
from edge.checks.adapter import identify_all, ports
from edge.checks.credentials import KEPT, LAID, as_found, in_words
from edge.config import load, read_text
from edge.errors import ConfigError, StartError
from edge.wizard import answers
from edge.wizard.person import Person, WrongAnswerError
from edge.wizard.written import backup_of, document, merged, put
from mdb.tools.listening import above_zero
from mdb.tools.wiring import LANGUAGES, language

EXAMPLES: Final = """\
examples:
  sudo python -m edge setup                       asks, shows and prints
  sudo python -m edge setup --lang ru             the same in Russian, по-русски
  python -m edge setup --ports-only               which ports there are, and who is at them
  python -m edge setup --config edge.toml --yes --machine vm-000123 --tap qibixx:/dev/ttyACM0 \\
      --broker mqtt.chek.example:8883 --link https://chek.example/r/ --display kiosk
  python -m edge setup --yes --dry-run --machine vm-1 --tap virtual:0001=12000 --broker 127.0.0.1 \\
      --link https://chek.example/r/ --display png,file=screen.png --panel 7in-800x480

Without a terminal nothing is asked; what a flag should have said is named. Nothing is written
before everything was answered. Exit status: 0 written, 1 it cannot be done here, 2 a wrong answer.
"""
FILE: Final = Path("/etc/chekomat/edge.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add = parser.add_argument
    add("--config", type=Path, default=FILE, metavar="FILE", help="(default: %(default)s)")
    add("--lang", choices=LANGUAGES, help="the language (default: that of LC_ALL, LANG)")
    add("--yes", action="store_true", help="ask nothing: flags, what is found, and defaults")
    add("--force", action="store_true", help="replace a file that is there; it is kept as .bak")
    add("--dry-run", action="store_true", help="print the configuration and write nothing")
    add("--ports-only", action="store_true", help="tell the serial ports, and end")
    add("--port", action="append", default=[], metavar="PORT", help="look at this port too")
    add("--machine", metavar="ID", help="who this machine is")
    add("--tap", metavar="TAP", help="where the bus is heard, such as qibixx:/dev/ttyACM0")
    add(
        "--listen-s",
        type=above_zero,
        default=5.0,
        metavar="S",
        help="how long the bus is listened to (default: %(default)g)",
    )
    add("--no-listen", action="store_true", help="do not listen to the bus")
    add("--broker", metavar="HOST[:PORT]", help="the broker; the port is 8883, or 1883 without TLS")
    add("--ca", metavar="FILE", help="the authority's certificate; system; none")
    add("--certificate", metavar="FILE", help="the machine's certificate; none")
    add("--key", metavar="FILE", help="the key to it")
    add("--username", metavar="NAME", help="for a broker that asks for a name")
    add("--password-file", metavar="FILE", help="the file whose content is the password")
    add("--link", metavar="URL", help="address of receipt pages, https://…/r/; none")
    add(
        "--display",
        action="append",
        metavar="KIND[,KEY=VALUE…]",
        help="a display; may be repeated (kinds and keys: python -m edge sample)",
    )
    add("--panel", metavar="NAME", help="the size of the display: 7in-800x480, 3.5in-480x320, …")
    add("--no-picture", action="store_true", help="show no test picture")
    add(
        "--printer",
        action="append",
        metavar="KIND[,KEY=VALUE…]",
        help="a receipt printer; may be repeated; none",
    )
    add("--no-slip", action="store_true", help="print no test slip")
    add("--data", metavar="FOLDER", help="the folder of the outbox")


def run(arguments: argparse.Namespace) -> int:
    """Ask, try and write; 0 when it is written, 1 when the person would rather not.

    Raises:
        ConfigError: an answer is wrong, or missing where nobody can be asked.
        StartError: the file cannot be written, or the terminal is gone.
    """
    asks = sys.stdin.isatty() and not arguments.yes
    # A configuration that is printed must not have talk in it.
    out = sys.stderr if arguments.dry_run else sys.stdout
    told = arguments.lang or language(os.environ)
    person = Person("ru" if told == "ru" else "en", asks=asks, out=out)
    if arguments.ports_only:
        return asyncio.run(_ports_only(arguments, person))
    replaces = arguments.config.exists() and not (arguments.force or arguments.dry_run)
    # What devices log of themselves is told here, in the person's language.
    logging.getLogger("edge").addHandler(logging.NullHandler())
    try:
        return asyncio.run(_setup(arguments, person, replaces=replaces))
    except WrongAnswerError as error:
        raise ConfigError(person.why(error)) from error


async def _ports_only(arguments: argparse.Namespace, person: Person) -> int:
    person.say("looking")
    answers.tell_adapters(await identify_all(ports(arguments.port)), person)
    return 0


async def _setup(arguments: argparse.Namespace, person: Person, *, replaces: bool) -> int:
    file: Path = arguments.config
    if replaces and not await _may_replace(file, person):
        person.say("kept")
        return 1
    old = _old(file)
    tree: dict[str, Any] = {
        "tap": await answers.tap(arguments, person, old.get("tap")),
        "machine": await answers.machine(arguments, person, old.get("machine")),
        "broker": await answers.broker(arguments, person, old.get("broker", {})),
        "receipts": await answers.receipts(arguments, person, old.get("receipts", {})),
        "display": await answers.displays(arguments, person, old.get("display")),
        "printer": await answers.printers(arguments, person, old.get("printer")),
    }
    if arguments.data:
        tree["data"] = arguments.data
    text = document(merged(old, {key: value for key, value in tree.items() if value != []}))
    config = read_text(text, str(file))
    for missing in as_found(config.broker).unreadable():
        # What systemd lays there when the service starts is copied from here.
        person.say("not_there", told=in_words(missing.replace(str(LAID), str(KEPT))))
    if arguments.dry_run:
        sys.stdout.write(text)
        return 0
    try:
        put(file, text)
    except OSError as error:
        told = person.words("unwritable", file=file, why=as_words(error))
        raise StartError(told) from error
    load(file)
    person.say("written", file=file)
    person.say("next", file=file)
    if any(each.get("kind") == "kiosk" for each in tree["display"]):
        person.say("next_kiosk")
    return 0


async def _may_replace(file: Path, person: Person) -> bool:
    """Asked first: nobody should answer ten questions in vain."""
    if not person.asks:
        raise ConfigError(person.words("exists_flag", file=file, backup=backup_of(file)))
    return await person.confirm("exists", default=False, file=file, backup=backup_of(file))


def _old(file: Path) -> dict[str, Any]:
    """What the file before says, so that answers are kept; nothing if it cannot be understood."""
    try:
        text = file.read_text("utf-8")
        read_text(text, str(file))
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ConfigError):
        return {}
