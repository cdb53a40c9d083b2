"""Answers, one question after another: from a flag, from the file before, or from the person.

Each returns what belongs into the configuration under its key.
"""

import argparse
import platform
import re
from collections.abc import Sequence
from typing import Any, Final

from edge.checks import both
from edge.checks.adapter import Adapter, identify_all, not_opened, ports
from edge.checks.bus import hear
from edge.checks.credentials import KEPT, LAID
from edge.config import Config, Receipts
from edge.errors import ConfigError
from edge.technician.words import Text
from edge.wire.settings import SYSTEM, Broker, SettingsError, Table, converted
from edge.wire.topics import CLOUD
from edge.wizard import devices, hearing, trial
from edge.wizard.devices import Tree
from edge.wizard.person import Person, WrongAnswerError
from mdb.taps import Tap, open_tap

NONE: Final = "none"
VIRTUAL: Final = "virtual:0001=12000,0002=9000"
TLS_PORT, PLAIN_PORT = 8883, 1883
WISHES: Final = ("again", "other_tap", "keep_tap")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


async def tap(arguments: argparse.Namespace, person: Person, before: str | None) -> str:
    """Where the bus is heard: given, found or chosen, and listened to until it sounds right."""
    name = arguments.tap or (None if person.asks else before)
    while True:
        name = name or await _found(arguments, person, before)
        opened = _opened(name)
        if isinstance(opened, Text):
            if not person.asks:
                raise ConfigError(f"--tap: {opened.of(person.language)}")
            person.say("unfit", told=opened)
            name = None
            continue
        if arguments.no_listen or await _sounds_right(name, opened, arguments, person):
            return name
        wish = await person.choose("what_now", [(each, person.words(each)) for each in WISHES])
        if wish == "keep_tap":
            return name
        if wish == "other_tap":
            name = None


async def _sounds_right(
    name: str, opened: Tap, arguments: argparse.Namespace, person: Person
) -> bool:
    """Listen and tell. Where nobody is asked, the machine may be off for now."""
    person.say("listening", tap=name, seconds=arguments.listen_s)
    well = hearing.tell(await hear(name, opened, arguments.listen_s), person)
    return well or not person.asks


def _opened(name: str) -> Tap | Text:
    try:
        return open_tap(name)
    except (ValueError, OSError) as error:
        return not_opened(name, error)


async def _found(arguments: argparse.Namespace, person: Person, before: str | None) -> str:
    """Look who is at the ports, and choose; without a person, the only one there is."""
    person.say("looking")
    adapters = await identify_all(ports(arguments.port))
    tell_adapters(adapters, person)
    taps = taps_of(adapters)
    if not person.asks:
        certain = [each for each in taps if not each.startswith("uart:")]
        if len(certain) != 1:
            raise ConfigError(person.words("missing", flag="--tap"))
        return certain[0]
    if before is not None:
        taps = [before, *(each for each in taps if each != before)]
    options: list[tuple[str, str | Text]] = [(each, each) for each in taps]
    options += [
        (VIRTUAL, person.words("tap_virtual")),
        ("", person.words("tap_other")),
    ]
    chosen = await person.choose("which_tap", options)
    return chosen or await person.ask("type_tap", "--tap", None, check=_some)


def tell_adapters(adapters: Sequence[Adapter], person: Person) -> None:
    """Every port, and who is there."""
    if not adapters:
        person.say("no_ports")
    for each in adapters:
        person.say(f"port_{each.kind}", port=each.port, told=each.told)


def taps_of(adapters: Sequence[Adapter]) -> list[str]:
    """The taps that these ports can be; two UARTs of the Pi are the bus's two lines."""
    named = [each.tap for each in adapters if each.kind != "uart" and each.tap is not None]
    uarts = [each.port for each in adapters if each.kind == "uart"]
    if len(uarts) > 1:
        named.append(f"uart:{uarts[0]},{uarts[1]}")
    return [*named, *(f"uart:{each}" for each in uarts)]


async def machine(arguments: argparse.Namespace, person: Person, before: str | None) -> str:
    """Who this machine is. The computer's own name is only a proposal to a person."""
    host = platform.node()
    proposal = before or (host if person.asks and NAME.fullmatch(host) else None)
    return await person.ask("machine", "--machine", arguments.machine, proposal, _machine)


def _machine(name: str) -> None:
    try:
        _checked({"machine": name, "tap": "t"}, Config)
    except ConfigError as error:
        raise WrongAnswerError(
            Text(
                "нужны латинские буквы, цифры, '_', '.', '-', первой буква или цифра, всего до 64;"
                f" получено {name!r}",
                str(error),
            )
        ) from error
    if name == CLOUD:
        raise WrongAnswerError(
            both(
                "{name!r} - имя самого облака; возьмите другое",
                "{name!r} is the cloud's own name; choose another",
                name=CLOUD,
            )
        )


async def broker(arguments: argparse.Namespace, person: Person, before: Tree) -> Tree:
    """Where the broker is, and how to prove who we are; None takes a key out."""
    known = f"{before['host']}:{before.get('port', PLAIN_PORT)}" if "host" in before else None
    where = await person.ask("broker", "--broker", arguments.broker, known, _where)
    host, _, port = where.partition(":")
    plain = port == str(PLAIN_PORT) or (not port and arguments.ca == NONE)
    files: dict[str, str | None] = {"ca": None, "certificate": None, "key": None}
    default = NONE if plain else before.get("ca", str(KEPT / "ca.crt"))
    ca = await person.ask("ca", "--ca", arguments.ca, default, _some)
    if ca != NONE:
        files["ca"] = ca
        default = NONE if ca == SYSTEM else before.get("certificate", str(KEPT / "mqtt.crt"))
        certificate = await person.ask(
            "certificate", "--certificate", arguments.certificate, default, _some
        )
        if certificate != NONE:
            default = before.get("key", str(LAID / "mqtt.key"))
            files["certificate"] = certificate
            files["key"] = await person.ask("key", "--key", arguments.key, default, _some)
    tree: Tree = {
        "host": host,
        "port": int(port or (PLAIN_PORT if files["ca"] is None else TLS_PORT)),
        **files,
    }
    if arguments.username:
        tree["username"] = arguments.username
    if arguments.password_file:
        tree["password_file"] = arguments.password_file
    _checked(tree, Broker)
    return tree


def _where(told: str) -> None:
    host, colon, port = told.partition(":")
    if not host or (colon and not port.isdecimal()):
        raise WrongAnswerError(
            both(
                "нужен АДРЕС:ПОРТ, как mqtt.chek.example:8883; получено {told!r}",
                "{told!r} is no HOST:PORT, such as mqtt.chek.example:8883",
                told=told,
            )
        )
    try:
        _checked({"host": host, "port": int(port or TLS_PORT)}, Broker)
    except ConfigError as error:
        raise WrongAnswerError(
            Text(f"нужны имя или адрес брокера и порт от 1 до 65535; получено {told!r}", str(error))
        ) from error


async def receipts(arguments: argparse.Namespace, person: Person, before: Tree) -> Tree:
    """Where receipt pages are; without any only fiscal codes are shown."""
    told = await person.ask("link", "--link", arguments.link, before.get("link"), _link)
    if told == NONE:
        return {"link": None, "qr": "fiscal"}
    qr = {"qr": None} if before.get("qr") == "fiscal" else {}
    return {"link": told, **qr}


def _link(told: str) -> None:
    if told == NONE:
        return
    try:
        _checked({"link": told}, Receipts)
    except ConfigError as error:
        raise WrongAnswerError(
            Text(f"нужен адрес, как https://chek.example/r/; получено {told!r}", str(error))
        ) from error


async def displays(
    arguments: argparse.Namespace, person: Person, before: list[Tree] | None
) -> list[Tree]:
    """Which displays, each shown to work."""
    given = [
        devices.with_panel(devices.parse(each), arguments.panel) for each in arguments.display or ()
    ]
    if not given and not person.asks:
        given = before or [devices.with_panel({"kind": "kiosk"}, arguments.panel)]
    trees = given or [await _device("which_display", devices.DISPLAYS, person, before)]
    shows = not arguments.no_picture and not arguments.dry_run
    for place, tree in enumerate(trees):
        while True:
            table = devices.display(trees[place])
            try:
                if shows:
                    await trial.show(table, person)
                break
            except ConfigError as error:
                if not person.asks:
                    raise
                person.say("unfit", told=person.why(error))
            trees[place] = await _device("which_display", devices.DISPLAYS, person, [tree])
    return trees


async def printers(
    arguments: argparse.Namespace, person: Person, before: list[Tree] | None
) -> list[Tree]:
    """Which printers, each with a slip printed if it is wanted."""
    given = [devices.parse(each) for each in arguments.printer or () if each != NONE]
    trees = given
    if not given and not person.asks and not arguments.printer:
        trees = before or []
    elif not given and not arguments.printer:
        tree = await _device("which_printer", devices.PRINTERS, person, before, none="printer_none")
        trees = [tree] if tree else []
    for tree in trees:
        table = devices.printer(tree)
        if arguments.no_slip or arguments.dry_run:
            continue
        if await person.confirm("print_slip", default=True):
            await trial.print_slip(table, person)
    return trees


async def _device(
    key: str,
    kinds: dict[str, Any],
    person: Person,
    before: list[Tree] | None,
    none: str | None = None,
) -> Tree:
    """A kind, then each of its keys that has no default."""
    options: list[tuple[str, str | Text]] = [] if none is None else [("", person.words(none))]
    kept = before[0] if before else {}
    order = sorted(kinds, key=lambda kind: (kind != kept.get("kind"), kind != "kiosk"))
    named: list[tuple[str, str | Text]] = [
        (
            kind,
            both("{kind}: {what}", "{kind}: {what}", kind=kind, what=devices.words_of(kinds[kind])),
        )
        for kind in order
    ]
    kind = await person.choose(key, [*named, *options] if kept else [*options, *named])
    if not kind:
        return {}
    tree: Tree = dict(kept) if kept.get("kind") == kind else {"kind": kind}
    table = kinds[kind]
    if devices.takes_size(table) and not set(devices.SIZE_MM) & set(tree):
        tree |= devices.sized(table, await _size(person))
    for name, (description, example) in devices.required(table).items():
        if name not in tree:
            values = {"name": name, "description": description}
            told = await person.ask("device_key", "", None, example, _some, **values)
            tree[name] = devices.value_of(told)
    read = devices.display if table in devices.DISPLAYS.values() else devices.printer
    try:
        read(tree)
    except ConfigError as error:
        person.say("unfit", told=person.why(error))
        return await _device(key, kinds, person, None, none)
    return tree


async def _size(person: Person) -> Tree:
    options: list[tuple[str, str | Text]] = [
        (name, each.words) for name, each in devices.PANELS.items()
    ]
    options.append(("", person.words("panel_other")))
    name = await person.choose("which_panel", options)
    if name:
        preset = devices.PANELS[name]
        return {key: getattr(preset, key) for key in (*devices.SIZE, *devices.SIZE_MM)}
    told = await person.ask("panel_size", "--panel", None, "800x480 154x86", _sized)
    return _sized(told)


def _sized(told: str) -> Tree:
    found = re.fullmatch(r"(\d+)[x×](\d+)\s+([\d.]+)[x×]([\d.]+)", told.strip())
    if found is None:
        raise WrongAnswerError(
            both(
                "нужны размеры, как 800x480 154x86; получено {told!r}",
                "{told!r} is no size, such as 800x480 154x86",
                told=told,
            )
        )
    width, height, width_mm, height_mm = found.groups()
    return {
        "width": int(width),
        "height": int(height),
        "width_mm": float(width_mm),
        "height_mm": float(height_mm),
    }


def _some(told: str) -> None:
    if not told.strip():
        raise WrongAnswerError(both("нужен ответ", "an answer is needed"))


def _checked(tree: Tree, kind: type[Table]) -> None:
    given = {key: value for key, value in tree.items() if value is not None}
    try:
        converted(given, kind, "")
    except SettingsError as error:
        raise ConfigError(str(error).removeprefix(": ")) from error
