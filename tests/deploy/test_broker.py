"""The production broker's configuration and ACL, in a real mosquitto, asked by real clients."""

import os
import shutil
import signal
import socket
import ssl
from pathlib import Path

import pytest
from deploy.secured import (
    HOST,
    MACHINE,
    NEIGHBOUR,
    Client,
    Secured,
    certificates,
    make_authority,
    secured_broker,
)
from parts import free_port, until

from edge.wire.link import Broker, Link
from edge.wire.topics import CLOUD_STATE, Channel

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.needs("openssl")]

FROM_A_MACHINE = {
    *(Channel.SALE, Channel.RECEIPT_ACK, Channel.SHOWN, Channel.STATE, Channel.HEALTH),
    *(Channel.INCIDENT, Channel.REPORTED),
}
COMMAND = "0193a5d2"
ALLOWED = {"Success", "No matching subscribers"}
FORBIDDEN = "Not authorized"


def machine(secured: Secured, authority: Path, name: str = MACHINE, **more: str) -> Client:
    return Client(secured, authority / "machines" / name, **more)


def cloud(secured: Secured, authority: Path) -> Client:
    return Client(secured, authority / "cloud")


async def test_without_a_certificate_nobody_is_heard(secured: Secured) -> None:
    async with Client(secured, None) as stranger:
        assert not stranger.accepted


async def test_a_certificate_of_another_authority_is_refused(
    secured: Secured, authority: Path, tmp_path: Path
) -> None:
    make_authority(tmp_path)
    forged = Client(secured, tmp_path / "machines" / MACHINE, ca=authority / "ca.crt")
    async with forged:
        assert not forged.accepted


async def test_the_brokers_own_certificate_opens_no_door(secured: Secured, authority: Path) -> None:
    async with Client(secured, authority / "broker") as thief:
        assert not thief.accepted


def test_a_client_refuses_a_broker_of_another_authority(secured: Secured, tmp_path: Path) -> None:
    certificates(tmp_path, "ca")
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    plain = socket.create_connection((HOST, secured.port))
    with plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=HOST)


async def test_a_machines_sale_reaches_the_cloud(secured: Secured, authority: Path) -> None:
    async with cloud(secured, authority) as above, machine(secured, authority) as below:
        await above.listen(Channel.SALE.of_all)
        assert await below.say(Channel.SALE.of(MACHINE), b"coffee") == "Success"
        await until(lambda: above.heard)
    assert above.heard == [(Channel.SALE.of(MACHINE), b"coffee")]


async def test_a_sale_under_another_machines_name_is_not_delivered(
    secured: Secured, authority: Path
) -> None:
    async with cloud(secured, authority) as above, machine(secured, authority) as below:
        await above.listen("vend/v1/#")
        assert await below.say(Channel.SALE.of(NEIGHBOUR), b"forged") == FORBIDDEN
        await below.say(Channel.SALE.of(MACHINE), b"own")
        await until(lambda: above.heard)
    assert above.heard == [(Channel.SALE.of(MACHINE), b"own")]


async def test_another_machines_receipt_cannot_be_read(secured: Secured, authority: Path) -> None:
    async with (
        cloud(secured, authority) as above,
        machine(secured, authority) as curious,
        machine(secured, authority, NEIGHBOUR) as neighbour,
    ):
        await curious.listen("#")
        await curious.listen(Channel.RECEIPT.of(NEIGHBOUR))
        await neighbour.listen(Channel.RECEIPT.of(NEIGHBOUR))
        await above.say(Channel.RECEIPT.of(NEIGHBOUR), b"theirs")
        await above.say(Channel.RECEIPT.of(MACHINE), b"mine")
        await until(lambda: curious.heard and neighbour.heard)
    assert curious.heard == [(Channel.RECEIPT.of(MACHINE), b"mine")]
    assert neighbour.heard == [(Channel.RECEIPT.of(NEIGHBOUR), b"theirs")]


async def test_what_a_machine_says_only_the_cloud_hears(secured: Secured, authority: Path) -> None:
    async with (
        machine(secured, authority) as below,
        machine(secured, authority, NEIGHBOUR) as curious,
        cloud(secured, authority) as above,
    ):
        await curious.listen("#")
        await above.listen(Channel.SALE.of_all)
        await below.say(Channel.SALE.of(MACHINE), b"coffee")
        await above.say(Channel.ACK.of(NEIGHBOUR), b"fence")
        await until(lambda: curious.heard and above.heard)
    assert curious.heard == [(Channel.ACK.of(NEIGHBOUR), b"fence")]


async def test_the_retained_state_of_the_cloud_reaches_a_machine(
    secured: Secured, authority: Path
) -> None:
    async with cloud(secured, authority) as above:
        assert await above.say(CLOUD_STATE, b"online", retain=True) in ALLOWED
    async with machine(secured, authority) as late:
        await late.listen(CLOUD_STATE)
        await until(lambda: late.heard)
        assert late.heard == [(CLOUD_STATE, b"online")]
    async with cloud(secured, authority) as above:
        await above.say(CLOUD_STATE, b"", retain=True)


@pytest.mark.parametrize("channel", Channel)
async def test_a_machine_says_what_is_its_to_say_and_nothing_else(
    secured: Secured, authority: Path, channel: Channel
) -> None:
    async with machine(secured, authority) as below:
        answer = await below.say(channel.of(MACHINE))
        assert (answer in ALLOWED) == (channel in FROM_A_MACHINE)
        assert await below.say(channel.of(NEIGHBOUR)) == FORBIDDEN
        assert await below.say(channel.of("cloud")) == FORBIDDEN


@pytest.mark.parametrize("channel", Channel)
async def test_the_cloud_hears_what_machines_say_and_answers_every_machine(
    secured: Secured, authority: Path, channel: Channel
) -> None:
    async with cloud(secured, authority) as above:
        if channel not in FROM_A_MACHINE:
            assert await above.say(channel.of(MACHINE)) in ALLOWED
            assert await above.say(channel.of("a-machine-of-tomorrow")) in ALLOWED
            return
        assert await above.say(channel.of(MACHINE)) == FORBIDDEN
        await above.listen(channel.of_all)
        async with machine(secured, authority) as below:
            await below.say(channel.of(MACHINE), b"news")
            await until(lambda: above.heard)
    assert above.heard == [(channel.of(MACHINE), b"news")]


async def test_a_command_reaches_its_machine_alone_and_only_the_cloud_hears_the_answer(
    secured: Secured, authority: Path
) -> None:
    asked, answered = Channel.command_of(MACHINE, COMMAND), Channel.result_of(MACHINE, COMMAND)
    async with (
        cloud(secured, authority) as above,
        machine(secured, authority) as below,
        machine(secured, authority, NEIGHBOUR) as curious,
    ):
        await above.listen(Channel.result_of("+", "+"))
        await below.listen(Channel.commands_of(MACHINE))
        for topic in ("#", Channel.commands_of(MACHINE), Channel.result_of(MACHINE, "+")):
            await curious.listen(topic)
        assert await above.say(asked, b"restart") == "Success"
        await until(lambda: below.heard)
        assert await below.say(answered, b"done") == "Success"
        await until(lambda: above.heard)
        await above.say(Channel.NOTED.of(NEIGHBOUR), b"fence")
        await until(lambda: curious.heard)
    assert below.heard == [(asked, b"restart")]
    assert above.heard == [(answered, b"done")]
    assert curious.heard == [(Channel.NOTED.of(NEIGHBOUR), b"fence")]


async def test_a_machine_commands_nobody_and_answers_for_itself_alone(
    secured: Secured, authority: Path
) -> None:
    async with machine(secured, authority) as below:
        assert await below.say(Channel.result_of(MACHINE, COMMAND)) in ALLOWED
        for name in (MACHINE, NEIGHBOUR, "cloud"):
            assert await below.say(Channel.command_of(name, COMMAND)) == FORBIDDEN
        assert await below.say(Channel.result_of(NEIGHBOUR, COMMAND)) == FORBIDDEN
        assert await below.say(f"vend/v1/{MACHINE}/cmd/{COMMAND}/more/result") == FORBIDDEN


async def test_the_cloud_commands_and_answers_for_nobody(secured: Secured, authority: Path) -> None:
    async with cloud(secured, authority) as above:
        assert await above.say(Channel.command_of(NEIGHBOUR, COMMAND)) in ALLOWED
        assert await above.say(Channel.result_of(NEIGHBOUR, COMMAND)) == FORBIDDEN


@pytest.fixture(scope="module")
def operator(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's certificate of the same authority; its folder is only to be read."""
    folder = tmp_path_factory.mktemp("operator") / "certificates"
    shutil.copytree(authority, folder)
    assert certificates(folder, "machine", "operator").returncode == 0
    return folder / "machines/operator"


async def test_the_operator_commands_and_wishes_and_hears_the_answers_beside_the_cloud(
    secured: Secured, authority: Path, operator: Path
) -> None:
    answers = [Channel.result_of(MACHINE, COMMAND), Channel.REPORTED.of(MACHINE)]
    async with (
        cloud(secured, authority) as above,
        Client(secured, operator) as person,
        machine(secured, authority) as below,
    ):
        await person.listen("vend/v1/#")
        for topic in (Channel.command_of(MACHINE, COMMAND), Channel.DESIRED.of(MACHINE)):
            assert await person.say(topic) in ALLOWED
        for topic in (Channel.SALE.of(MACHINE), *answers):
            await below.say(topic, b"told")
        await until(lambda: len(person.heard) == 2)
        assert not above.ends
    assert person.heard == [(topic, b"told") for topic in answers]


@pytest.mark.parametrize(
    "channel", [each for each in Channel if each is not Channel.DESIRED], ids=lambda each: each.name
)
async def test_the_operator_speaks_for_no_machine_and_for_no_cloud(
    secured: Secured, operator: Path, channel: Channel
) -> None:
    async with Client(secured, operator) as person:
        assert await person.say(channel.of(MACHINE)) == FORBIDDEN
        assert await person.say(Channel.result_of(MACHINE, COMMAND)) == FORBIDDEN
        assert await person.say(CLOUD_STATE) == FORBIDDEN


@pytest.mark.parametrize("topic", ["vend/v1", "vend/v2/vm-000123/sale", "$SYS/broker/x", "sale"])
async def test_outside_its_prefix_a_machine_is_mute(
    secured: Secured, authority: Path, topic: str
) -> None:
    async with machine(secured, authority) as below:
        assert await below.say(topic) == FORBIDDEN


async def test_a_machine_leaves_no_will_for_another(secured: Secured, authority: Path) -> None:
    own = Channel.STATE.of(MACHINE)
    async with cloud(secured, authority) as above:
        await above.listen(Channel.STATE.of_all)
        for will in (Channel.STATE.of(NEIGHBOUR), own):
            async with machine(secured, authority, will=will) as below:
                below.cut()
                await until(lambda: below.ends)
        await until(lambda: above.heard)
    assert above.heard == [(own, b"gone")]


async def test_a_machine_cannot_take_anothers_session(secured: Secured, authority: Path) -> None:
    named = machine(secured, authority, client_id="chekomat-vm-000123")
    thief = machine(secured, authority, NEIGHBOUR, client_id="chekomat-vm-000123")
    async with named, thief:
        assert named.accepted
        assert thief.accepted
        assert await named.say(Channel.SALE.of(MACHINE)) in ALLOWED
        assert not named.ends


async def test_a_message_beyond_the_limit_ends_the_connection(
    secured: Secured, authority: Path
) -> None:
    async with machine(secured, authority) as below:
        below.shout(Channel.SALE.of(MACHINE), 65536)
        await until(lambda: below.ends)


async def test_a_stolen_machine_is_shut_out_by_two_lines_and_a_reload(authority: Path) -> None:
    with secured_broker(authority) as secured:
        async with (
            machine(secured, authority) as stolen,
            machine(secured, authority, NEIGHBOUR) as honest,
        ):
            assert await stolen.say(Channel.SALE.of(MACHINE)) in ALLOWED
            with secured.acl.open("a", encoding="utf-8") as acl:
                acl.write(f"\nuser {MACHINE}\ntopic deny #\n")
            assert secured.broker.process is not None
            os.kill(secured.broker.process.pid, signal.SIGHUP)
            answers = []
            while FORBIDDEN not in answers[-1:]:
                answers.append(await stolen.say(Channel.SALE.of(MACHINE)))
            assert await honest.say(Channel.SALE.of(NEIGHBOUR)) in ALLOWED
            assert not honest.ends


async def test_a_restart_keeps_what_is_retained(authority: Path) -> None:
    with secured_broker(authority) as secured:
        async with cloud(secured, authority) as above:
            await above.say(CLOUD_STATE, b"online", retain=True)
        secured.broker.stop()
        secured.broker.start()
        async with machine(secured, authority) as late:
            await late.listen(CLOUD_STATE)
            await until(lambda: late.heard)
    assert late.heard == [(CLOUD_STATE, b"online")]


async def test_the_link_says_why_it_does_not_connect(caplog: pytest.LogCaptureFixture) -> None:
    nobody = Broker(host=HOST, port=free_port())
    link = Link(nobody, "chekomat-vm-000123", [], (Channel.STATE.of(MACHINE), b"gone"))
    link.start()
    await until(lambda: "no connection: [Errno 111] Connection refused" in caplog.text)
    await link.stop()
