from pathlib import Path

import pytest

from tests.warehouse.publish.tiny_build import begin_and_build, fast_home, tiny_settings
from warehouse.errors import ContractBreach, DamagedFile
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.settings import Settings
from warehouse.shell import Limits, Session, open_session


def rows(session: Session, sql: str) -> list[tuple[object, ...]]:
    (*_, last) = session.statements(sql)
    return list(session.run(last).rows)


def test_rows_beyond_the_limit_are_not_fetched_and_that_is_said(session: Session) -> None:
    (statement,) = session.statements("select * from range(1000000000000)")
    result = session.run(statement)
    assert result.rows == ((0,), (1,), (2,))
    assert result.is_cut
    (statement,) = session.statements("select * from range(3)")
    assert not session.run(statement).is_cut


def test_a_session_reads_one_snapshot_and_says_when_there_is_another() -> None:
    with fast_home() as home:
        settings = tiny_settings(home, snapshots_kept=1)
        with Ledger.open(settings) as ledger:
            first = publish(settings, ledger, begin_and_build(settings, ledger, 0))
            with open_session(settings) as session:
                assert session.newer_run() is None
                newest = [
                    publish(settings, ledger, begin_and_build(settings, ledger, day)) for day in (1, 2, 3)
                ]
                assert session.newer_run() == newest[-1].run_id
                assert rows(session, "select distinct run_id from user_risk_tiers") == [(first.run_id,)]
                assert first.path.exists(), "it is leased"
            publish(settings, ledger, begin_and_build(settings, ledger, 3))
            assert not first.path.exists(), "and let go"


def test_what_is_created_is_the_sessions_own(published: Settings) -> None:
    with open_session(published) as session:
        for statement in session.statements(
            "create temp table mine as select user_id from at_risk_users; create temp macro twice(x) as 2 * x"
        ):
            assert session.run(statement).columns == ()
        assert rows(session, "select twice(count(*)) from mine") == [(6,)]
    with open_session(published) as other, pytest.raises(ContractBreach, match="mine does not exist"):
        rows(other, "select * from mine")


def test_a_statement_that_fails_leaves_the_session_usable(session: Session) -> None:
    with pytest.raises(ContractBreach, match="no_such_column"):
        rows(session, "select no_such_column from at_risk_users")
    assert rows(session, "select 1") == [(1,)]


def test_a_pivot_is_one_question(session: Session) -> None:
    statements = session.statements("pivot user_risk_tiers on risk_tier using count(*) group by as_of_date")
    results = [session.run(statement) for statement in statements]
    assert results[-1].columns == ("as_of_date", "high", "low", "medium")


def test_memory_is_bounded_and_nothing_is_spilled() -> None:
    with fast_home() as home:
        settings = tiny_settings(home)
        with Ledger.open(settings) as ledger:
            folder = publish(settings, ledger, begin_and_build(settings, ledger)).path
        before = sorted(path.name for path in folder.iterdir())
        small = Settings(settings.home, settings.source, settings.ledger_url, memory_limit="40MB")
        with (
            open_session(small, Limits(seconds=30)) as session,
            pytest.raises(ContractBreach, match="more memory than a session may take"),
        ):
            rows(session, "select x.range as a from range(6000000) as x order by hash(a) desc limit 5000000")
        assert sorted(path.name for path in folder.iterdir()) == before


def test_where_nothing_is_published_the_way_there_is_shown(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="run a day"), open_session(tiny_settings(tmp_path)):
        pass
