"""deploy/README.md and nginx.conf: they speak of what is there."""

import re

import msgspec
from deploy.secured import DEPLOY

from cloud.__main__ import _parser
from cloud.config import Config

README = (DEPLOY / "README.md").read_text("utf-8")
FILES = {
    str(file.relative_to(DEPLOY))
    for folder in ("broker", "cloud", "edge")
    for file in (DEPLOY / folder).iterdir()
}


def test_every_file_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+/[\w.@-]+)` \|", README, flags=re.MULTILINE)) == FILES


def test_every_file_that_a_command_takes_is_there() -> None:
    named = set(re.findall(r"\bdeploy/(\w+/[\w.@-]+)", README))
    assert named
    assert named <= FILES


def test_every_place_that_the_broker_reads_is_filled() -> None:
    broker = (DEPLOY / "broker/mosquitto.conf").read_text("utf-8")
    for place in re.findall(r"^(?:cafile|certfile|keyfile|acl_file) (\S+)$", broker, re.MULTILINE):
        folder, _, name = place.rpartition("/")
        assert place in README or (f"{folder}/" in README and f"~/{name}" in README), place


def test_the_world_reaches_the_public_listener_alone() -> None:
    listens = {field.name: field.default for field in msgspec.structs.fields(Config)}
    nginx = (DEPLOY / "cloud/nginx.conf").read_text("utf-8")
    assert re.findall(r"proxy_pass http://(.*);", nginx) == [listens["listen"]]
    assert f"8090:{listens['cabinet']} server" in README


def test_no_log_of_the_world_s_way_in_has_the_address_of_a_receipt() -> None:
    """At `error` and below nginx writes each request down whose upstream is away, as in any restart."""
    nginx = (DEPLOY / "cloud/nginx.conf").read_text("utf-8")
    servers = nginx.split("server {")[1:]
    assert ["access_log off;" in each for each in servers] == [True, True]
    (proxy,) = (each for each in servers if "proxy_pass" in each)
    assert re.findall(r"error_log \S+ (\w+);", proxy) == ["crit"]


def test_the_emulators_default_account_is_the_one_that_is_named() -> None:
    arguments = _parser().parse_args(["emulate", "cloudkassir", "--secret-file", "-"])
    assert f"--set public_id={arguments.public_id} " in README
    assert f"--set url=http://{arguments.listen}\n" in README
