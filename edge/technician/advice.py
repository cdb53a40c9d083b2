"""What is said of each concern, and what to do about it, in the technician's words.

The order is the order of the list: what keeps sales or receipts back comes first.
"""

from dataclasses import dataclass
from typing import Final

from edge.technician.words import Text


@dataclass(frozen=True, slots=True)
class Wording:
    """Of one kind of concern; ``{names}`` are filled in from the case."""

    what: str
    urgent: bool
    words: Text
    advice: Text


WORDINGS: Final = (
    Wording(
        "tap_gone",
        True,
        Text("Адаптер шины не отвечает: {tap}", "The bus adapter is gone: {tap}"),
        Text(
            "Проверьте кабель адаптера и его питание; когда он вернётся, агент подключится сам.",
            "Check the adapter's cable and power; once it is back, the agent finds it by itself.",
        ),
    ),
    Wording(
        "bus_silent",
        True,
        Text("Шина молчит {age}", "The bus has been silent for {age}"),
        Text(
            "Включён ли автомат? Проверьте разъём MDB и провод между адаптером и автоматом.",
            "Is the machine switched on? Check the MDB plug and the wire to the adapter.",
        ),
    ),
    Wording(
        "disk_refuses",
        True,
        Text(
            "Диск не принимает записи; продаж только в памяти: {count}",
            "The disk takes nothing; sales in memory only: {count}",
        ),
        Text(
            "Не выключайте питание: эти продажи пропадут. Освободите место на диске (df -h);"
            " если места хватает, карта памяти отказала: замените её после записи продаж.",
            "Do not switch it off: these sales would be lost. Free some space (df -h); if there is"
            " enough, the memory card has failed: replace it once the sales are kept.",
        ),
    ),
    Wording(
        "cert_ended",
        True,
        Text("Сертификат автомата истёк", "The machine's certificate has ended"),
        Text(
            "Установите новый сертификат и ключ; продажи пока хранятся на диске.",
            "Install a new certificate and key; until then sales are kept on the disk.",
        ),
    ),
    Wording(
        "broker_away",
        True,
        Text("Нет связи с {broker} {age}{why}", "No connection to {broker} for {age}{why}"),
        Text(
            "Проверьте интернет: модем, SIM-карту, кабель, баланс. Продажи хранятся на диске и"
            " уйдут сами.",
            "Check the internet: modem, SIM card, cable, balance. Sales are kept on the disk and"
            " will go by themselves.",
        ),
    ),
    Wording(
        "cloud_away",
        True,
        Text(
            "Связь есть, но облако фискализации не работает",
            "Connected, but the fiscal cloud is not there",
        ),
        Text(
            "У автомата делать нечего: сообщите оператору. Чеки придут позже.",
            "Nothing to do at the machine: tell the operator. Receipts will come later.",
        ),
    ),
    Wording(
        "pending_old",
        True,
        Text(
            "Продажа № {seq} ждёт отправки {age} (всего ждут: {pending})",
            "Sale {seq} has waited to be taken for {age} (waiting in all: {pending})",
        ),
        Text(
            "Если связь есть, сообщите оператору; если нет, сначала восстановите её.",
            "If there is a connection, tell the operator; if there is none, restore it first.",
        ),
    ),
    Wording(
        "display_failing",
        True,
        Text("Экран {name} не показывает: {why}", "Display {name} cannot show: {why}"),
        Text(
            "Проверьте шлейф и питание экрана; покупатели не видят QR-код чека.",
            "Check the display's cable and power; buyers cannot see the QR of their receipts.",
        ),
    ),
    Wording(
        "paper_out",
        True,
        Text("В принтере {name} нет бумаги", "Printer {name} is out of paper"),
        Text("Вставьте новый рулон.", "Load a new roll."),
    ),
    Wording(
        "cover_open",
        True,
        Text("Крышка принтера {name} открыта", "The cover of printer {name} is open"),
        Text("Закройте крышку до щелчка.", "Close it until it clicks."),
    ),
    Wording(
        "printer_failing",
        True,
        Text("Принтер {name} не печатает: {why}", "Printer {name} does not print: {why}"),
        Text(
            "Проверьте кабель и питание, выключите и включите принтер.",
            "Check cable and power; switch the printer off and on.",
        ),
    ),
    Wording(
        "scale_unknown",
        True,
        Text("Цены неизвестны: {name}", "Prices are not known: {name}"),
        Text(
            "Выключите и включите автомат один раз: масштаб цен он называет только при запуске.",
            "Switch the machine off and on once: it tells the scale of its prices only as it starts.",
        ),
    ),
    Wording(
        "paper_low",
        False,
        Text("Бумага в принтере {name} кончается", "Printer {name} is low on paper"),
        Text("Возьмите новый рулон в следующий приезд.", "Bring a new roll on the next visit."),
    ),
    Wording(
        "disk_nearly_full",
        False,
        Text("На диске осталось {free} МБ", "Only {free} MB are left on the disk"),
        Text(
            "Удалите лишнее: старые записи шины, журналы (df -h, journalctl --vacuum-size=16M).",
            "Delete what is not needed: old captures, logs (df -h, journalctl --vacuum-size=16M).",
        ),
    ),
    Wording(
        "clock_unsynced",
        False,
        Text("Часы не синхронизированы: {now}", "The clock is not synchronised: {now}"),
        Text(
            "Нужен интернет или модуль часов (RTC). Продажи сохраняются, их время уточнится позже.",
            "It needs the internet or a clock module (RTC). Sales are kept; their time is corrected"
            " later.",
        ),
    ),
    Wording(
        "cert_ends",
        False,
        Text("Сертификат истекает через {days} дн.", "The certificate ends in {days} days"),
        Text("Закажите у оператора новый.", "Ask the operator for a new one."),
    ),
    Wording(
        "outcome_unknown",
        False,
        Text(
            "Продаж с неизвестным исходом: {count}",
            "Vends whose outcome is not known: {count}",
        ),
        Text(
            "Оплата прошла, а выдал ли автомат товар, не слышно. Решает оператор в кабинете.",
            "They were paid, and whether the product came was not heard. The operator decides.",
        ),
    ),
    Wording(
        "salvaged",
        False,
        Text(
            "Спасено записей из повреждённого хранилища: {count}",
            "Rows salvaged from a damaged outbox: {count}",
        ),
        Text(
            "Карта памяти могла износиться: замените её. Спасённое проверит оператор.",
            "The memory card may be worn out: replace it. The operator checks what was saved.",
        ),
    ),
    Wording(
        "malformed",
        False,
        Text(
            "Отложено непонятных сообщений: {count}",
            "Messages set aside that made no sense: {count}",
        ),
        Text(
            "У автомата делать нечего: сообщите оператору, версии программ могут расходиться.",
            "Nothing to do at the machine: tell the operator, versions may have drifted apart.",
        ),
    ),
)
