"""One trained model for the tests that only look at it."""

from datetime import date

import duckdb
import pytest

from ml.calendar import snapshots_needed
from tests.ml.makers import FIRST_DAY, HORIZON, TRAINED_AS_OF, make_build
from tests.ml.quick import learn_quickly

AS_OF = date(2025, 1, 8)


@pytest.fixture(scope="session")
def outcome():
    return learn_quickly()


@pytest.fixture
def build():
    connection = duckdb.connect()
    make_build(connection, [*snapshots_needed(TRAINED_AS_OF, HORIZON, FIRST_DAY), AS_OF])
    yield connection
    connection.close()
