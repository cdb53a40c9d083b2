from dataclasses import replace
from typing import get_args

import pytest

from edge.config.printers import ProfileName
from edge.printers.profiles import PROFILES, Profile

SIZES = [17 + 4 * version for version in range(1, 20)]


def test_the_configuration_names_exactly_the_profiles_there_are() -> None:
    assert set(get_args(ProfileName)) == set(PROFILES)
    assert all(name == profile.name for name, profile in PROFILES.items())


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
@pytest.mark.parametrize("modules", SIZES)
def test_a_code_of_any_version_has_its_20_mm_and_fits(profile: Profile, modules: int) -> None:
    module = profile.module(modules)
    assert module is not None
    assert modules * module / profile.dots_per_mm >= 20
    assert module / profile.dots_per_mm >= 0.35
    smaller = module - 1  # is not allowed
    assert modules * smaller / profile.dots_per_mm < 20 or smaller / profile.dots_per_mm < 0.35
    assert (modules + 8) * module <= profile.dots


@pytest.mark.parametrize(
    ("modules", "dots"), [(25, 7), (29, 6), (33, 5), (37, 5), (41, 4), (53, 4), (57, 3)]
)
def test_at_203_dpi_a_module_has_so_many_dots(modules: int, dots: int) -> None:
    assert PROFILES["generic-58"].module(modules) == dots


def test_a_head_too_narrow_for_20_mm_has_no_module() -> None:
    assert replace(PROFILES["generic-58"], dots=204).module(33) is None
    assert replace(PROFILES["generic-58"], dots=205).module(33) == 5
    assert replace(PROFILES["generic-58"], dots_per_mm=12).module(33) == 8
    assert replace(PROFILES["generic-58"], dots_per_mm=24).module(33) is None


def test_a_line_has_as_many_letters_as_fit() -> None:
    assert PROFILES["generic-58"].columns == 32
    assert PROFILES["generic-80"].columns == 48
    assert PROFILES["epson-tm"].columns == 42


def test_the_cheap_heads_have_another_page_and_are_asked_nothing() -> None:
    clone = PROFILES["pos-5890-clones"]
    assert (clone.code_page, clone.qr_form, clone.has_status) == (59, None, False)
    assert PROFILES["generic-58"].code_page == 17
