from pathlib import Path

import pytest

from edge.checks.disk import FORGETFUL, Disk, check, filesystem, judge, look

GB = 2**30
GOOD = Disk("/var/lib/chekomat-edge", "ext4", 10 * GB, 100_000, 0.02)


def changed(**changes: object) -> Disk:
    return Disk(**({each: getattr(GOOD, each) for each in Disk.__slots__} | changes))  # type: ignore[arg-type]


def test_a_good_card_is_told_with_its_room_and_its_speed() -> None:
    found = judge(GOOD)
    assert (found.state, found.advice.en) == ("ok", "")
    assert found.found.en == (
        "/var/lib/chekomat-edge (ext4): 10240 MB free, a write is safe after 20 ms"
    )


@pytest.mark.parametrize(
    ("disk", "state", "told", "advice"),
    [
        (changed(kind="tmpfs"), "fail", "lost without power", "set `data`"),
        (changed(kind="overlay"), "fail", "lost without power", "set `data`"),
        (changed(free=10 * 2**20), "fail", "10 MB free", "make room"),
        (changed(free_files=3), "fail", "3 files more", "make room"),
        (changed(free=100 * 2**20), "warn", "100 MB free", "make room"),
        (changed(sync_s=1.5), "warn", "after 1500 ms", "slow or worn"),
        (changed(kind="vfat"), "warn", "may lose it in a power cut", "ext4"),
        (changed(sync_s=None, refusal="Read-only file system"), "fail", "Read-only", "dmesg"),
        (changed(free_files=None), "ok", "10240 MB", ""),
    ],
)
def test_what_is_wrong_with_a_disk_is_told_with_what_to_do(
    disk: Disk, state: str, told: str, advice: str
) -> None:
    found = judge(disk)
    assert found.state == state
    assert told in found.found.en
    assert advice in found.advice.en


def test_a_real_folder_is_written_synced_and_left_as_it_was(tmp_path: Path) -> None:
    seen = look(tmp_path)
    assert seen.folder == str(tmp_path)
    assert seen.free > 0
    assert seen.sync_s is not None
    assert seen.sync_s > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above_it(tmp_path: Path) -> None:
    assert look(tmp_path / "not" / "yet").folder == str(tmp_path)
    assert not (tmp_path / "not").exists()


def test_the_kernel_s_memory_is_known_for_what_it_is() -> None:
    assert filesystem(Path("/dev/shm")) in FORGETFUL


async def test_a_data_folder_in_memory_fails() -> None:
    found = await check(Path("/dev/shm"))
    assert (found.name, found.state) == ("disk", "fail")
    assert "tmpfs" in found.found.en


async def test_a_link_to_memory_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "data"
    link.symlink_to("/dev/shm")
    assert (await check(link)).state == "fail"
