"""What the guided first run says, in both languages."""

from collections.abc import Mapping
from typing import Final

from edge.technician.words import Text

SAID: Final[Mapping[str, Text]] = {
    "missing": Text("не задан {flag}", "{flag} is missing"),
    "number": Text("Номер", "Number"),
    "no_such_number": Text("  Номер от 1 до {most}.", "  A number from 1 to {most}."),
    "yes_no": Text("[Д/н]", "[Y/n]"),
    "no_yes": Text("[д/Н]", "[y/N]"),
    "yes_or_no": Text("  Да или нет?", "  Yes or no?"),
    "gone": Text("ввод прерван; ничего не записано", "the terminal is gone; nothing was written"),
    "unfit": Text("  Не годится: {told}", "  {told}"),
    # Ports and adapters.
    "looking": Text(
        "Ищу адаптеры на последовательных портах…", "Looking for adapters on the serial ports…"
    ),
    "no_ports": Text(
        "Последовательных портов нет. Адаптер подключён? UART включён (raspi-config)?",
        "There are no serial ports. Is the adapter plugged in, is the UART on (raspi-config)?",
    ),
    "port_qibixx": Text(
        "  {port}: адаптер Qibixx, версия {told}", "  {port}: a Qibixx adapter, version {told}"
    ),
    "port_lines": Text(
        "  {port}: печатает шину в нашем формате", "  {port}: prints the bus in our format"
    ),
    "port_uart": Text(
        "  {port}: порт самого Raspberry Pi", "  {port}: a port of the Raspberry Pi itself"
    ),
    "port_silent": Text("  {port}: никто не отвечает", "  {port}: nobody answers"),
    "port_unusable": Text("  {port}: не открыть: {told}", "  {port}: cannot be opened: {told}"),
    "which_tap": Text("Где слушать шину?", "Where is the bus heard?"),
    "tap_virtual": Text(
        "автомат в памяти, чтобы попробовать (virtual)", "a machine in memory, to try (virtual)"
    ),
    "tap_other": Text("другое, введу сам", "something else, I type it"),
    "type_tap": Text(
        "Источник (qibixx:ПОРТ, uart:ПОРТ,ПОРТ2, lines:ПОРТ)",
        "The tap (qibixx:PORT, uart:PORT,PORT2, lines:PORT)",
    ),
    # Listening.
    "listening": Text("Слушаю {tap} {seconds:g} с…", "Listening to {tap} for {seconds:g} s…"),
    "silent": Text(
        "Тишина. Автомат включён? Провода на нужных контактах? См.: python -m mdb wiring {scheme}"
        " --lang ru",
        "Silence. Is the machine on, are the wires on the right pins? See: python -m mdb wiring"
        " {scheme}",
    ),
    "tap_told": Text("Порт: {told}", "The port: {told}"),
    "rate": Text(
        "Слышно: {rate:.0f} байт/с, автомат опросил устройства {polls} раз.",
        "Heard: {rate:.0f} bytes/s; the machine polled its devices {polls} times.",
    ),
    "present": Text("Отвечают: {names}.", "There are: {names}."),
    "absent": Text("Не отвечают: {names}.", "Asked in vain: {names}."),
    "addressed": Text("Автомат обращается к: {names}.", "The machine speaks to: {names}."),
    "counts": Text("Деньги: {name} считает по {unit}.", "Money: {name} counts in {unit}."),
    "no_money": Text(
        "Цены станут известны, когда автомат выключат и включат при работающем агенте.",
        "Prices become known when the machine is switched off and on while the agent runs.",
    ),
    "sales": Text("Продажи за это время: {count}.", "Sales meanwhile: {count}."),
    "faults": Text("Искажённых блоков: {count}.", "Broken blocks: {count}."),
    "doubt": Text("Похоже на ошибку в проводах: {told}", "That looks like wrong wires: {told}"),
    "what_now": Text("Что дальше?", "What now?"),
    "again": Text("послушать ещё раз", "listen again"),
    "other_tap": Text("слушать в другом месте", "listen somewhere else"),
    "keep_tap": Text("оставить так и идти дальше", "leave it so and go on"),
    # Who, where to.
    "machine": Text(
        "Номер автомата (латиница, цифры, '_', '.', '-')",
        "The machine's id (letters, digits, '_', '.', '-')",
    ),
    "broker": Text("Брокер MQTT, адрес[:порт]", "The MQTT broker, HOST[:PORT]"),
    "ca": Text(
        "Сертификат центра: файл, system или none (без TLS)",
        "The authority's certificate: a file, system, or none (no TLS)",
    ),
    "certificate": Text(
        "Сертификат автомата: файл или none", "The machine's certificate: a file or none"
    ),
    "key": Text("Ключ к нему: файл", "The key to it: a file"),
    "not_there": Text(
        "  Пока нет: {told} (понадобится к запуску)", "  Not there yet: {told} (needed to start)"
    ),
    "link": Text(
        "Адрес страниц чеков (https://…/r/) или none",
        "Address of receipt pages (https://…/r/) or none",
    ),
    # Display and printer.
    "which_display": Text("Какой экран?", "Which display?"),
    "which_panel": Text("Какая панель?", "Which panel?"),
    "panel_other": Text("другая, введу размеры", "another, I type its size"),
    "panel_size": Text(
        "Пиксели и миллиметры видимой части, как 800x480 154x86",
        "Pixels and millimetres of the glass, as 800x480 154x86",
    ),
    "device_key": Text("{name}: {description}", "{name}: {description}"),
    "showing": Text("Показываю пробную картинку на {name}.", "Showing a test picture on {name}."),
    "kiosk_at": Text("Она на странице http://{listen}/", "It is on the page http://{listen}/"),
    "painted": Text("Картинка на экране.", "The picture is on the screen."),
    "not_painted": Text(
        "Никто не сообщил, что картинка видна. Браузер открыт?",
        "Nobody has reported that it can be seen. Is the browser open?",
    ),
    "seen": Text(
        "Видно картинку с кодом и словом «ПРОБА»?", "Is there a picture with a code and «ПРОБА»?"
    ),
    "display_failed": Text("Экран не открылся: {told}", "The display cannot be opened: {told}"),
    "which_printer": Text("Какой принтер чеков?", "Which receipt printer?"),
    "printer_none": Text("принтера нет", "there is none"),
    "print_slip": Text("Напечатать пробный чек?", "Print a test slip?"),
    "printer_word": Text("Принтер {name}: {told}.", "Printer {name}: {told}."),
    "printed": Text("Пробный чек отправлен на печать.", "The test slip was sent."),
    "printer_failed": Text("Принтер не печатает: {told}", "The printer does not print: {told}"),
    # Writing.
    "exists": Text(
        "{file} уже есть. Заменить (старый останется как {backup})?",
        "{file} is there already. Replace it (the old one stays as {backup})?",
    ),
    "exists_flag": Text(
        "{file} уже есть; чтобы заменить: --force (старый останется как {backup})",
        "{file} is there already; to replace it: --force (the old one stays as {backup})",
    ),
    "unwritable": Text(
        "{file}: не записать: {why}; запустите от root (sudo …) или назовите другой файл: --config",
        "{file}: cannot be written: {why}; run this as root (sudo …), or name another file with"
        " --config",
    ),
    "kept": Text("Ничего не записано.", "Nothing was written."),
    "written": Text("Записан и проверен {file}.", "{file} is written and checked."),
    "next": Text(
        "Дальше:\n"
        "  sudo python -m edge doctor --config {file}     всё ли в порядке\n"
        "  sudo systemctl enable --now chekomat-edge     запустить и запускать всегда",
        "Next:\n"
        "  sudo python -m edge doctor --config {file}     is all well?\n"
        "  sudo systemctl enable --now chekomat-edge     start it, now and always",
    ),
    "next_kiosk": Text(
        "  sudo systemctl enable --now chekomat-kiosk    экран покупателя",
        "  sudo systemctl enable --now chekomat-kiosk    the buyer's screen",
    ),
}
"""By what is meant; ``{names}`` are filled in."""

RUSSIAN_KINDS: Final[Mapping[str, str]] = {
    "terminal": "код текстом, чтобы видеть его через ssh или в журнале",
    "png": "картинка в файле, её показывает ваша программа",
    "kiosk": "страница для браузера во весь экран на панели HDMI; её открывает"
    " chekomat-kiosk.service",
    "framebuffer": "любая панель, с которой работает ядро (HDMI, DSI, SPI), без браузера",
    "luma": "маленький TFT или OLED на SPI или I2C без драйвера в ядре; нужно дополнение: pip"
    ' install "chekomat[luma]"',
    "pole": "дисплей покупателя со строками текста на последовательном порту, команды Epson; QR-код"
    " не показывает",
    "usb": "принтер чеков на USB, ядро показывает его как /dev/usb/lp0",
    "serial": "принтер чеков на последовательном порту или через переходник USB",
    "network": "принтер чеков в сети",
    "file": "принтера нет: чеки файлами и картинками, чтобы попробовать",
}
"""What each kind of display and printer is; in English its table in `edge.config` says it."""
RUSSIAN_KEYS: Final[Mapping[str, str]] = {
    "png.file": "файл с картинкой; заменяется целиком",
    "luma.driver": "контроллер, по описанию панели",
    "luma.width": "ширина в точках, до поворота",
    "luma.height": "высота в точках, до поворота",
    "pole.port": "последовательный порт; имя из by-id не меняется в другом гнезде USB",
    "serial.port": "последовательный порт; имя из by-id не меняется в другом гнезде USB",
    "network.host": "адрес принтера; закрепите его за ним в роутере",
    "file.folder": "папка для чеков: каждый как байты и как картинка PNG",
}
"""What each key means that has no default, as ``kind.key``."""
