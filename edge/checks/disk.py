"""The disk under the outbox: room, whose it is, what kind it is, and how long it takes to promise."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from edge.checks import Finding, as_is, as_words, both
from edge.checks.patience import within

NAME: Final = "disk"
PATIENCE_S: Final = 20.0
TRIES: Final = 3
SLOW_S: Final = 1.0
"""A sale is on the disk before anything else happens with it: the buyer waits so long."""
FULL: Final = 50 * 2**20
TIGHT: Final = 200 * 2**20
FEW_FILES: Final = 100
FORGETFUL: Final = {"tmpfs", "ramfs", "overlay", "squashfs", "aufs"}
"""What is written there is gone after a power cut."""
FRAIL: Final = {"vfat", "exfat", "msdos", "ntfs", "ntfs3", "nfs", "nfs4", "cifs"}
"""No journal, or another computer's: a power cut may take what was promised."""
REMEDY: Final = both(
    "задайте в `data` папку на самой карте (ext4, f2fs)",
    "set `data` to a folder on the card itself (ext4, f2fs)",
)
MAKE_ROOM: Final = both(
    "освободите место: journalctl --vacuum-size=50M; apt clean",
    "make room: journalctl --vacuum-size=50M; apt clean",
)


@dataclass(frozen=True, slots=True)
class Disk:
    """What was seen: bytes and files free (`None` where there is no such limit), seconds a sync."""

    folder: str
    kind: str
    free: int
    free_files: int | None
    sync_s: float | None
    refusal: str = ""


async def check(data: Path) -> Finding:
    """The disk of a data folder."""
    try:
        return judge(await within(PATIENCE_S, look, data))
    except TimeoutError:
        return Finding(
            NAME,
            "fail",
            both(
                "{data}: за {seconds:g} с диск ничего не записал",
                "{data}: the disk did not write within {seconds:g} s",
                data=data,
                seconds=PATIENCE_S,
            ),
            both(
                "карта умирает или слабо питание: посмотрите `dmesg` и замените карту",
                "the card is dying or the power is weak: look at `dmesg`, and replace the card",
            ),
        )
    except OSError as error:
        return Finding(
            NAME,
            "fail",
            as_is(f"{data}: {as_words(error)}"),
            both("запустите от root: sudo …", "run it as root: sudo …"),
        )


def look(data: Path) -> Disk:
    """Write, sync and take away again a file without a name, where the outbox is or will be."""
    folder = next(each for each in (data, *data.absolute().parents) if each.is_dir())
    free = os.statvfs(folder)
    sync_s, refusal = None, ""
    try:
        sync_s = max(_sync(folder) for _ in range(TRIES))
    except OSError as error:
        refusal = as_words(error)
    return Disk(
        folder=str(folder),
        kind=filesystem(folder),
        free=free.f_bavail * free.f_frsize,
        free_files=free.f_favail if free.f_files else None,
        sync_s=sync_s,
        refusal=refusal,
    )


def filesystem(folder: Path) -> str:
    """The type of the filesystem a folder is on, as the kernel calls it (proc(5), mountinfo)."""
    device = os.stat(folder).st_dev  # noqa: PTH116, of the folder itself, its links followed
    here, best, kind = os.path.realpath(folder), "", "unknown"
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        fields, _, source = line.partition(" - ")
        _, _, numbers, _, point, *_ = fields.split()
        major, minor = map(int, numbers.split(":"))
        below = here == point or here.startswith(point.rstrip("/") + "/")
        if below and len(point) >= len(best):
            best, kind = point, source.split()[0]
        if below and os.makedev(major, minor) == device:
            best, kind = point, source.split()[0]
    return kind


def judge(disk: Disk) -> Finding:
    """Whether sales are safe there."""
    told = both(
        "{folder} ({kind}): свободно {free} МБ",
        "{folder} ({kind}): {free} MB free",
        folder=disk.folder,
        kind=disk.kind,
        free=disk.free // 2**20,
    )
    if disk.kind in FORGETFUL:
        lost = both(
            "{told}; записанное в {kind} пропадёт без питания",
            "{told}; what is written to {kind} is lost without power",
            told=told,
            kind=disk.kind,
        )
        return Finding(NAME, "fail", lost, REMEDY)
    if disk.sync_s is None:
        return Finding(
            NAME,
            "fail",
            both(
                "в {folder} нельзя писать: {refusal}",
                "{folder} cannot be written: {refusal}",
                folder=disk.folder,
                refusal=disk.refusal,
            ),
            both(
                "подключён только для чтения? см. `dmesg`; папка чужая? запустите от root или от"
                " имени агента",
                "mounted read-only? look at `dmesg`; another user's? run this as root or as the agent",
            ),
        )
    told = both(
        "{told}, запись надёжна через {ms:.0f} мс",
        "{told}, a write is safe after {ms:.0f} ms",
        told=told,
        ms=disk.sync_s * 1000,
    )
    if disk.free < FULL:
        return Finding(NAME, "fail", told, MAKE_ROOM)
    if disk.free_files is not None and disk.free_files < FEW_FILES:
        few = both(
            "{told}, файлов ещё поместится: {count}",
            "{told}, {count} files more",
            told=told,
            count=disk.free_files,
        )
        return Finding(NAME, "fail", few, MAKE_ROOM)
    if disk.sync_s > SLOW_S:
        worn = both(
            "карта медленная или изношена: промышленной хватает 100 мс",
            "the card is slow or worn: an industrial one takes under 100 ms",
        )
        return Finding(NAME, "warn", told, worn)
    if disk.kind in FRAIL:
        frail = both(
            "{told}; {kind} может потерять её при отключении питания",
            "{told}; {kind} may lose it in a power cut",
            told=told,
            kind=disk.kind,
        )
        return Finding(NAME, "warn", frail, REMEDY)
    if disk.free < TIGHT:
        return Finding(NAME, "warn", told, MAKE_ROOM)
    return Finding(NAME, "ok", told)


def _sync(folder: Path) -> float:
    with TemporaryFile(dir=folder) as file:
        file.write(os.urandom(4096))
        file.flush()
        began = time.monotonic()
        os.fsync(file.fileno())
        return time.monotonic() - began
