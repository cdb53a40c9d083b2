"""SQLite's way to the disk, with somebody in it: what is written under a folder goes through its owner.

A "VFS" is how SQLite reaches files (www.sqlite.org/vfs.html). Ours is the usual one, but that in an
owner's folder xWrite, xTruncate, xSync and xClose are the owner's, and xDelete asks it first.
Everything else, locks and shared memory above all, and every other file, is SQLite's own, at full
speed.

- A file has the owner that its folder has when it is opened.
- An error in an owner is an error of the disk for SQLite, and is kept in `errors`.
- A child made by fork has everything as it was, and goes its own way.
"""

import ctypes
import os
import sqlite3
from ctypes import c_char_p, c_int, c_int64, c_void_p
from typing import Any, Final, Protocol

OK: Final = 0
FULL: Final = 13
IOERR: Final = 10
IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE = (IOERR | each << 8 for each in (3, 4, 6))
IOERR_DELETE: Final = IOERR | 10 << 8
DELETED_ON_CLOSE: Final = 8
"""A flag of those that are gone from the folder as soon as they are open."""
LONGEST: Final = 1 << 16
"""SQLite's longest page: no single write is longer."""

errors: Final[list[BaseException]] = []
"""What went wrong in an owner: SQLite has a number for an error, and no room for a reason."""


class Owner(Protocol):
    """Whose folder it is. Each verb answers SQLite's code, and does what it says it did."""

    def opened(self, file: "OpenFile") -> None: ...
    def closed(self, file: "OpenFile") -> None: ...
    def write(self, file: "OpenFile", bytes_at: int, amount: int, offset: int) -> int: ...
    def truncate(self, file: "OpenFile", size: int) -> int: ...
    def sync(self, file: "OpenFile", flags: int) -> int: ...
    def may_delete(self, path: str) -> bool: ...


class _IoMethods(ctypes.Structure):
    """sqlite3_io_methods, up to version 3."""

    _fields_ = (
        ("iVersion", c_int),
        *(
            (name, c_void_p)
            for name in (
                *("xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize", "xLock"),
                *("xUnlock", "xCheckReservedLock", "xFileControl", "xSectorSize"),
                *("xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap"),
                *("xFetch", "xUnfetch"),
            )
        ),
    )


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, up to version 3."""

    _fields_ = (
        *(("iVersion", c_int), ("szOsFile", c_int), ("mxPathname", c_int)),
        *(("pNext", c_void_p), ("zName", c_char_p), ("pAppData", c_void_p), ("xOpen", c_void_p)),
        *(("xDelete", c_void_p), ("the_others", c_void_p * 13)),
    )


# PYFUNCTYPE keeps Python's lock: these wait for nobody. CFUNCTYPE lets go of it.
_READ = ctypes.PYFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = ctypes.PYFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = ctypes.PYFUNCTYPE(c_int, c_void_p, c_int)
_CLOSE = ctypes.CFUNCTYPE(c_int, c_void_p)
_OPEN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)


class _Methods:
    """SQLite's own verbs of one kind of file (some lock, some need not), and ours in their place."""

    def __init__(self, address: int) -> None:
        theirs = _IoMethods.from_address(address)
        self.address = address
        self.close = _CLOSE(theirs.xClose)
        self.read = _READ(theirs.xRead)
        self.write = _READ(theirs.xWrite)
        self.truncate = _TRUNCATE(theirs.xTruncate)
        self.ours = _IoMethods.from_buffer_copy(theirs)
        for name, callback in _OURS.items():
            setattr(self.ours, name, ctypes.cast(callback, c_void_p).value)


class OpenFile:
    """A file that SQLite has open, once for each connection, and SQLite's own verbs for it."""

    __slots__ = ("_address", "_methods", "inode", "owner", "path")

    def __init__(self, address: int, methods: _Methods, path: str, owner: Owner) -> None:
        self.path = path
        self.owner = owner
        self.inode = os.stat(path).st_ino  # noqa: PTH116, thrice as fast
        self._address = address
        self._methods = methods

    def read(self, amount: int, offset: int) -> bytes:
        room = _ROOM if amount <= LONGEST else ctypes.create_string_buffer(amount)
        if code := self._methods.read(self._address, room, amount, offset):
            raise OSError(f"{self.path}: {amount} bytes at {offset} are not read: {code}")
        return ctypes.string_at(room, amount)

    def write(self, bytes_at: int, amount: int, offset: int) -> int:
        return self._methods.write(self._address, bytes_at, amount, offset)

    def truncate(self, size: int) -> int:
        return self._methods.truncate(self._address, size)

    def close(self) -> int:
        return self._methods.close(self._address)

    def leave(self) -> None:
        """It is SQLite's alone from now on."""
        del _open[self._address]
        c_void_p.from_address(self._address).value = self._methods.address


def own(folder: str, owner: Owner) -> None:
    """Files under it that are opened from now on are the owner's."""
    _owners[os.fsencode(folder) + b"/"] = owner


def disown(folder: str) -> None:
    """Files under it that are opened from now on are nobody's."""
    del _owners[os.fsencode(folder) + b"/"]


def install() -> None:
    """Be the way to the disk of every connection of this process from now on; once."""
    if _kept:
        return
    library = ctypes.CDLL("libsqlite3.so.0")
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    unix = library.sqlite3_vfs_find(None)
    ours = _Vfs.from_buffer_copy(unix.contents)
    ours.pNext, ours.zName = None, b"card"
    open_theirs = _OPEN(unix.contents.xOpen)
    delete_theirs = _DELETE(unix.contents.xDelete)

    @_OPEN
    def xopen(_: int, name: int | None, file: int, flags: int, flags_out: int | None) -> int:
        # The name is handed on where it stands: SQLite looks for a URI's parameters behind it.
        code = open_theirs(ctypes.addressof(unix.contents), name, file, flags, flags_out)
        if code or not name or not _owners or flags & DELETED_ON_CLOSE:
            return code
        return _opened(name, file)

    @_DELETE
    def xdelete(_: int, name: int, sync: int) -> int:
        if _owners and not _may_delete(name):
            return IOERR_DELETE
        return delete_theirs(ctypes.addressof(unix.contents), name, sync)

    ours.xDelete = ctypes.cast(xdelete, c_void_p).value
    ours.xOpen = ctypes.cast(xopen, c_void_p).value
    if code := library.sqlite3_vfs_register(ctypes.byref(ours), 1):
        raise OSError(f"SQLite takes no VFS: {code}")
    _kept.extend((library, unix, ours, open_theirs, delete_theirs, xopen, xdelete))
    sqlite3.connect("file::memory:?vfs=card", uri=True).close()  # or Python has another SQLite


def _opened(name: int, address: int) -> int:
    try:
        path = ctypes.string_at(name)
        if (owner := _owner(path)) is None:
            return OK
        theirs = c_void_p.from_address(address).value
        assert theirs is not None
        if (methods := _methods.get(theirs)) is None:
            methods = _methods[theirs] = _Methods(theirs)
        file = _open[address] = OpenFile(address, methods, os.fsdecode(path), owner)
        c_void_p.from_address(address).value = ctypes.addressof(methods.ours)
        owner.opened(file)
    except BaseException as error:  # noqa: BLE001, there is nobody to raise it to
        errors.append(error)
        return IOERR
    return OK


def _may_delete(name: int) -> bool:
    try:
        path = ctypes.string_at(name)
        owner = _owner(path)
        return owner is None or owner.may_delete(os.fsdecode(path))
    except BaseException as error:  # noqa: BLE001
        errors.append(error)
        return False


def _owner(path: bytes) -> Owner | None:
    return next((each for folder, each in _owners.items() if path.startswith(folder)), None)


@_READ
def _write(address: int, bytes_at: int, amount: int, offset: int) -> int:
    try:
        file = _open[address]
        return file.owner.write(file, bytes_at, amount, offset)
    except BaseException as error:  # noqa: BLE001
        errors.append(error)
        return IOERR_WRITE


@_TRUNCATE
def _truncate(address: int, size: int) -> int:
    try:
        file = _open[address]
        return file.owner.truncate(file, size)
    except BaseException as error:  # noqa: BLE001
        errors.append(error)
        return IOERR_TRUNCATE


@_SYNC
def _sync(address: int, flags: int) -> int:
    try:
        file = _open[address]
        return file.owner.sync(file, flags)
    except BaseException as error:  # noqa: BLE001
        errors.append(error)
        return IOERR_FSYNC


@_CLOSE
def _close(address: int) -> int:
    try:
        file = _open.pop(address)
        file.owner.closed(file)
        return file.close()
    except BaseException as error:  # noqa: BLE001
        errors.append(error)
        return IOERR


_OURS: Final = {"xClose": _close, "xWrite": _write, "xTruncate": _truncate, "xSync": _sync}
_ROOM: Final = ctypes.create_string_buffer(LONGEST)
_kept: Final[list[Any]] = []
"""What SQLite points at must never be collected. Empty: not installed."""
_methods: Final[dict[int, _Methods]] = {}
_owners: Final[dict[bytes, Owner]] = {}
_open: Final[dict[int, OpenFile]] = {}
