from datetime import date

import pytest

from tests.warehouse.publish.tiny_build import begin_and_build
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.publish.show_list import show_list
from warehouse.settings import Settings


def test_the_list_shows_users_tiers_the_model_and_where_to_look(settings: Settings, ledger: Ledger) -> None:
    publish(settings, ledger, begin_and_build(settings, ledger))
    text = show_list(settings, top=2)
    lines = text.splitlines()
    assert lines[0] == "tiny_shop, as of 2024-03-01: the 2 users with the highest risk"
    assert lines[2].split()[:4] == ["1", "u0", "100.0%", "high"]
    assert "=cmd|'/c calc'!A0" in lines[2]
    assert "u2" not in "\n".join(lines[:5])
    assert "Tiers of 5 scored users" in text
    assert "high             2   40.0%" in text
    assert "  recommendation             1  and 1 held out" in text
    assert "Model model-1: boosted trees. Compared out of time." in text
    assert text.count("0.800          0.700  +0.100 (+0.050 to +0.150)") == 1
    assert str(settings.published / "current") in text


def test_a_past_day_is_shown_from_its_own_snapshot(settings: Settings, ledger: Ledger) -> None:
    for day_number in (0, 1):
        publish(settings, ledger, begin_and_build(settings, ledger, day_number))
    assert "as of 2024-03-02" in show_list(settings)
    assert "as of 2024-03-01" in show_list(settings, as_of_date=date(2024, 3, 1))
    with pytest.raises(DamagedFile, match="2023-12-31"):
        show_list(settings, as_of_date=date(2023, 12, 31))
