"""Settings of the server: read from the environment, refused where they make no sense."""

from pathlib import Path

import pytest

from serving.settings import ServingSettings
from warehouse.errors import SettingsError


def read(tmp_path: Path, **environment: str) -> ServingSettings:
    return ServingSettings.from_environment({"HOLDFAST_HOME": str(tmp_path), **environment})


def test_only_this_machine_is_served_unless_a_proxy_stands_before_it(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert (settings.host, settings.port, settings.stale_hours) == ("127.0.0.1", 8088, 36)
    assert settings.open_metrics is False
    assert settings.warehouse.home == tmp_path


def test_what_the_environment_says_counts(tmp_path: Path) -> None:
    settings = read(tmp_path, HOLDFAST_PORT="9000", HOLDFAST_STALE_HOURS="48", HOLDFAST_OPEN_METRICS="on")
    assert (settings.port, settings.stale_hours, settings.open_metrics) == (9000, 48, True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HOLDFAST_PORT", "0"),
        ("HOLDFAST_PORT", "65536"),
        ("HOLDFAST_PORT", "http"),
        ("HOLDFAST_PORT", "８０"),
        ("HOLDFAST_STALE_HOURS", "-1"),
        ("HOLDFAST_OPEN_METRICS", "yes"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(tmp_path, **{name: text})
