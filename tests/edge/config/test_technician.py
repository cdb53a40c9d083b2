import pytest

from edge.config import Technician
from edge.wire.settings import SettingsError, converted


def test_the_page_is_on_every_network_and_has_a_pin() -> None:
    page = converted({"pin_file": "/etc/chekomat/pin"}, Technician, "x")
    assert (page.listen, page.pin_file) == ("0.0.0.0:8082", "/etc/chekomat/pin")


def test_there_is_no_page_without_a_pin() -> None:
    with pytest.raises(SettingsError, match="pin_file"):
        converted({"pin_file": ""}, Technician, "x")
