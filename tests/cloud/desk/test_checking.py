"""Checking: credentials and registers, asked of the provider itself."""

from pathlib import Path

import aiohttp
import pytest
from shop import SETTINGS, Account, a_register, stock, stocked

from cloud.desk import checking
from cloud.desk.checking import Checked, Told, check, lines, status
from cloud.errors import DecisionError
from cloud.store import Store


def account(url: str, secret: Path, name: str = "main") -> Account:
    settings = {**SETTINGS, "url": url, "secret_file": str(secret)}
    return Account(id=name, operator="coffee", provider="cloudkassir", settings=settings)


def found(*levels: str) -> list[Checked]:
    told = [Told(level=level, text="t") for level in levels]  # type: ignore[arg-type]
    return [Checked(register="main", provider="orange", found=told)]


@pytest.mark.parametrize(
    ("levels", "exit_status"),
    [
        (("good",), 0),
        (("good", "warning"), 0),
        (("bad", "good"), 1),
        (("wrong", "bad"), 2),
    ],
)
def test_the_exit_status_is_of_the_worst(levels: tuple[str, ...], exit_status: int) -> None:
    assert status(found(*levels)) == exit_status


def test_each_finding_has_its_mark_and_what_is_wrong_its_next_step() -> None:
    told = lines(found("good", "warning", "bad"))
    assert told[:3] == ["OK    main  t", "WARN  main  t", "FAIL  main  t"]
    assert told[3].endswith("in the cabinet of orange, then again: python -m cloud check main")
    assert told[4:] == ["", "1 wrong, 1 doubtful, 1 OK"]
    assert "→ mend its settings: python -m cloud register add main …" in lines(found("wrong"))


async def test_a_register_in_health_is_good_and_a_wrong_secret_is_bad(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("tell nobody", "utf-8")
    wrong.write_text("something else", "utf-8")
    async with a_register(None, pushes=False) as register, aiohttp.ClientSession() as http:
        wanted = [
            account(register.url, right),
            account(register.url, wrong, "other"),
            account(register.url, tmp_path / "nowhere", "lost"),
        ]
        good, bad, lost = await check(http, wanted)
    assert good.found[0].level == "good"
    assert [each.level for each in bad.found] == ["bad"]
    assert "401" in bad.found[0].text
    assert [each.level for each in lost.found] == ["wrong"]
    assert lost.found[0].text.startswith("secret_file: ")


async def test_a_register_is_named_or_all_are_meant(empty: Store) -> None:
    async with empty.reading() as connection:
        with pytest.raises(DecisionError, match="there is no register"):
            await checking.registers(connection, None)
    await stocked(empty)
    await stock(empty, account("http://127.0.0.1:1", Path("/dev/null"), "spare"))
    async with empty.reading() as connection:
        assert len(await checking.registers(connection, None)) == 2
        (one,) = await checking.registers(connection, "spare")
        assert one.id == "spare"
        with pytest.raises(DecisionError, match="no register is called 'x': main, spare"):
            await checking.registers(connection, "x")
