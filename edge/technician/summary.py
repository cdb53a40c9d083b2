"""A status in words: the same sections of lines for the console and for the page. Pure."""

from collections.abc import Iterator

import msgspec

from edge.technician.concerns import Concern
from edge.technician.status import Peripheral, Status
from edge.technician.words import Language, Text, amount, duration, wall_time

DASH = Text("—", "—")


class Row(msgspec.Struct, frozen=True):
    """One line: what, and how it is."""

    name: str
    value: str


class Section(msgspec.Struct, frozen=True):
    """Lines that belong together."""

    title: str
    rows: tuple[Row, ...]


def sections(status: Status, language: Language) -> list[Section]:
    """The whole status, in one language."""
    return [
        Section(
            title.of(language),
            tuple(Row(name.of(language), value.of(language)) for name, value in rows),
        )
        for title, rows in (
            (Text("Продажи", "Sales"), _sales(status)),
            (Text("Шина", "Bus"), _bus(status)),
            (Text("Связь", "Link"), _link(status)),
            (Text("Экраны и принтеры", "Displays and printers"), _devices(status)),
            (Text("Хранилище", "Outbox"), _outbox(status)),
            (Text("Агент", "Agent"), _agent(status)),
            (Text("Отложено", "Set aside"), _set_aside(status)),
            (Text("Происшествия", "Incidents"), _incidents(status)),
        )
        if rows
    ]


def verdict(found: list[Concern], language: Language) -> str:
    """One line: all is well, or how much needs a hand."""
    if not found:
        return Text("Всё в порядке", "All is well").of(language)
    return (
        Text("Требует внимания: {count}", "Needs a hand: {count}")
        .of(language)
        .format(count=len(found))
    )


def summary(status: Status, found: list[Concern], language: Language) -> str:
    """All of it for a console, what needs a hand first."""
    return "\n".join(_lines(status, found, language))


def _lines(status: Status, found: list[Concern], language: Language) -> Iterator[str]:
    yield f"{status.machine}: {verdict(found, language)}"
    for each in found:
        yield ""
        yield f"{'!!' if each.urgent else ' !'} {each.words.of(language)}"
        yield f"   {each.advice.of(language)}"
    for section in sections(status, language):
        yield ""
        yield section.title
        width = max(len(row.name) for row in section.rows)
        for row in section.rows:
            yield f"  {row.name:<{width}}  {row.value}"


def _ago(seconds: float | None) -> Text:
    if seconds is None:
        return DASH
    return Text("{age} назад", "{age} ago").with_values(age=duration(seconds))


def _same(words: object) -> Text:
    """Figures, names and what devices say: as they are, in one line."""
    text = " ".join(str(words).split()) or "—"
    return Text(text, text)


def _join(*parts: Text) -> Text:
    told = [each for each in parts if each != DASH]
    return Text(
        " · ".join(each.ru for each in told) or "—", " · ".join(each.en for each in told) or "—"
    )


def _sales(status: Status) -> list[tuple[Text, Text]]:
    outbox, sale, receipt = status.outbox, status.last_sale, status.last_receipt
    rows = [(Text("Ждут отправки", "Pending"), _same(outbox.pending))]
    if outbox.oldest is not None:
        oldest = _join(
            _same(f"№ {outbox.oldest.seq}"),
            _same(wall_time(outbox.oldest.sold_at)),
            _ago(outbox.oldest.age_s),
        )
        rows.append((Text("Самая старая", "Oldest"), oldest))
    if outbox.waiting:
        rows.append((Text("Только в памяти", "In memory only"), _same(outbox.waiting)))
    last = Text("ещё не было", "none yet")
    if sale is not None:
        what = sale.product or sale.item or "—"
        cost = amount(sale.amount, sale.currency)
        last = _join(_same(f"№ {sale.seq}"), _same(what), cost, _ago(sale.age_s))
    rows.append((Text("Последняя продажа", "Last sale"), last))
    if receipt is None:
        return [*rows, (Text("Последний чек", "Last receipt"), Text("ещё не было", "none yet"))]
    came = Text("за {time}", "took {time}")
    took = DASH if receipt.latency_s is None else came.with_values(time=duration(receipt.latency_s))
    state = _STATES.get(receipt.status, _same(receipt.status))
    rows.append((Text("Последний чек", "Last receipt"), _join(state, took, _ago(receipt.age_s))))
    if receipt.fn:
        document = f"{receipt.fn} · {receipt.fd} · {receipt.fp}"
        rows.append((Text("ФН · ФД · ФП", "FN · FD · FP"), _same(document)))
    return rows


_STATES = {
    "pending": Text("оформляется", "being made"),
    "issued": Text("выдан", "issued"),
    "refused": Text("не оформлен", "refused"),
    "returned": Text("возвращён", "returned"),
}


def _bus(status: Status) -> list[tuple[Text, Text]]:
    bus = status.bus
    speed = DASH
    if bus.bytes_per_s is not None:
        speed = Text("{n} байт/с", "{n} bytes/s").with_values(n=f"{bus.bytes_per_s:.0f}")
    rows = [
        (
            Text("Адаптер", "Tap"),
            _join(_same(bus.tap), Text("работает", "works") if bus.alive else Text("нет", "gone")),
        ),
        (Text("Последний байт", "Last byte"), _join(_ago(bus.last_byte_s), speed)),
        (Text("Помехи", "Faults"), _same(bus.faults)),
    ]
    return rows + [(_same(f"0x{each.address:02x}"), _peripheral(each)) for each in bus.peripherals]


def _peripheral(each: Peripheral) -> Text:
    scale = DASH
    if each.scale is not None:
        scale = Text("масштаб {n}", "scale {n}").with_values(n=str(each.scale))
    return _join(_same(each.name), _same(each.currency or ""), scale)


def _link(status: Status) -> list[tuple[Text, Text]]:
    link = status.link
    since = DASH if link.since_s is None else duration(link.since_s)
    there = Text("на связи", "connected") if link.connected else Text("нет связи", "away")
    cloud = {
        None: Text("неизвестно", "not known"),
        True: Text("работает", "there"),
        False: Text("не работает", "away"),
    }[link.cloud_online]
    rows = [
        (Text("Брокер", "Broker"), _join(_same(link.broker), there, since)),
        (Text("Облако", "Cloud"), cloud),
        (Text("Переподключений", "Reconnects"), _same(link.reconnects)),
        (Text("В пути", "In flight"), _same(link.in_flight)),
    ]
    if link.last_error:
        rows.append((Text("Последняя ошибка", "Last error"), _same(link.last_error)))
    if link.cert_days is not None:
        days = Text("{n} дн.", "{n} days").with_values(n=str(link.cert_days))
        rows.append((Text("Сертификат", "Certificate"), days))
    return rows


def _devices(status: Status) -> list[tuple[Text, Text]]:
    works = Text("работает", "works")
    return [
        *(
            (
                _same(each.name),
                _join(
                    _same(each.panel),
                    _same(each.showing),
                    _same(each.failing) if each.failing else works,
                ),
            )
            for each in status.displays
        ),
        *((_same(each.name), _same(each.status)) for each in status.printers),
    ]


def _outbox(status: Status) -> list[tuple[Text, Text]]:
    outbox = status.outbox
    free = DASH
    if outbox.disk_free_mb is not None:
        free = Text("{n} МБ", "{n} MB").with_values(n=str(outbox.disk_free_mb))
    return [
        (Text("Эпоха", "Epoch"), _same(outbox.epoch)),
        (Text("Следующая продажа", "Next sale"), _same(f"№ {outbox.next_seq}")),
        (Text("Записок ждёт", "Notes waiting"), _same(outbox.notes)),
        (Text("Отказов диска", "Disk refusals"), _same(outbox.refusals)),
        (Text("Свободно", "Free"), free),
    ]


def _agent(status: Status) -> list[tuple[Text, Text]]:
    quality = _QUALITIES.get(status.clock.quality or "", Text("неизвестно", "not known"))
    rows = [
        (Text("Версия", "Version"), _same(status.version)),
        (
            Text("Работает", "Running"),
            _join(duration(status.uptime_s), _same(wall_time(status.started))),
        ),
        (Text("Часы", "Clock"), _join(quality, _same(wall_time(status.clock.now)))),
    ]
    if status.config_version:
        rows.append((Text("Настройки", "Configuration"), _same(status.config_version)))
    return rows


_QUALITIES = {
    "synced": Text("точные", "synced"),
    "corrected": Text("исправлены", "corrected"),
    "bounded": Text("приблизительны", "bounded"),
    "unsynced": Text("не синхронизированы", "unsynced"),
}


def _set_aside(status: Status) -> list[tuple[Text, Text]]:
    return [
        (_KINDS[each.kind], _join(_same(wall_time(each.at)), _same(each.words)))
        for each in status.outbox.quarantine.last
    ]


_KINDS = {
    "malformed": Text("сообщение", "message"),
    "outcome_unknown": Text("исход неизвестен", "outcome unknown"),
    "salvaged": Text("спасено", "salvaged"),
}


def _incidents(status: Status) -> list[tuple[Text, Text]]:
    return [
        (_same(wall_time(each.at)), _join(_same(each.kind), _same(each.words)))
        for each in status.incidents
    ]
