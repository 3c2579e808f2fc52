"""One trained model for the tests that only look at it."""

from datetime import date

import duckdb
import pytest

from ml.calendar import snapshots_needed
from ml.training import learn
from tests.ml.makers import FIRST_DAY, HORIZON, PLAN, TRAINED_AS_OF, make_build, make_snapshots

AS_OF = date(2025, 1, 8)


@pytest.fixture(scope="session")
def outcome():
    return learn(make_snapshots(), PLAN)


@pytest.fixture
def build():
    connection = duckdb.connect()
    make_build(connection, [*snapshots_needed(TRAINED_AS_OF, HORIZON, FIRST_DAY), AS_OF])
    yield connection
    connection.close()
