import socket
from pathlib import Path

import pytest
from parts import free_port

from edge.checks.network import check, has_route, judge_refusal

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LAN = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
OUT = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
OUT_6 = (
    f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00000003     eth0\n"
)
REJECTED_6 = (
    f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200201       lo\n"
)


@pytest.mark.parametrize(
    ("old", "new", "there"),
    [
        (HEAD + LAN + OUT, None, True),
        (HEAD + LAN, "", False),
        (None, None, False),
        (HEAD, OUT_6, True),
        (HEAD, REJECTED_6, False),
    ],
)
def test_a_way_out_is_a_default_route_of_either_protocol(
    tmp_path: Path, old: str | None, new: str | None, *, there: bool
) -> None:
    files = (tmp_path / "route", tmp_path / "ipv6_route")
    for file, text in zip(files, (old, new), strict=True):
        if text is not None:
            file.write_text(text, "ascii")
    assert has_route(files) is there


async def test_a_port_that_listens_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        found = await check("127.0.0.1", port)
    assert (found.name, found.state) == ("network", "ok")
    assert f"127.0.0.1:{port} is reached in" in found.found.en


async def test_a_name_is_told_with_the_address_that_it_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        found = await check("localhost", door.getsockname()[1])
    assert found.state == "ok"
    assert "(127.0.0.1)" in found.found.en or "(::1)" in found.found.en


async def test_a_port_where_nobody_listens_is_told_as_such() -> None:
    found = await check("127.0.0.1", free_port())
    assert found.state == "fail"
    assert "connection refused" in found.found.en
    assert "does the broker run" in found.advice.en


async def test_a_name_that_nobody_knows_fails_with_what_to_look_at() -> None:
    found = await check("broker.invalid", 8883)
    assert found.state == "fail"
    assert "broker.invalid" in found.found.en
    assert found.advice.en


def test_a_firewall_is_told_apart_from_an_empty_port() -> None:
    assert "firewall" in judge_refusal("b:1", TimeoutError()).advice.en
    assert "No route" in judge_refusal("b:1", OSError(113, "No route to host")).found.en
