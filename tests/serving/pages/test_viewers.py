"""Roles, and pseudonyms in place of identifiers."""

import duckdb
import pytest

from serving.pages.viewers import ROLES, Viewer, is_pseudonym

KEY = b"k" * 32


@pytest.mark.parametrize(("role", "sees"), [("analyst", False), ("marketer", True), ("admin", True)])
def test_who_works_with_single_users_sees_their_ids(role: str, sees: bool) -> None:
    viewer = Viewer("x", role, KEY)
    assert role in ROLES
    assert viewer.sees_user_ids is sees
    assert (viewer.shown("u0001") == "u0001") is sees


def test_a_pseudonym_is_the_same_every_time_and_another_in_another_home() -> None:
    analyst = Viewer("ana", "analyst", KEY)
    assert analyst.shown("u0001") == analyst.shown("u0001") != analyst.shown("u0002")
    assert is_pseudonym(analyst.shown("u0001"))
    assert Viewer("ana", "analyst", b"other" * 8).shown("u0001") != analyst.shown("u0001")


def test_sql_and_python_give_the_same_pseudonym() -> None:
    viewer = Viewer("ana", "analyst", KEY)
    for user_id in ("u0001", "用户'1", ""):
        [(found,)] = duckdb.execute(
            f"select {viewer.pseudonym_sql} from (select $user_id as user_id)",
            {"user_id": user_id, "pseudonym_salt": viewer.pseudonym_salt},
        ).fetchall()
        assert found == viewer.pseudonym(user_id)


@pytest.mark.parametrize("text", ["u0001", "p-", "p-0123456789abcd ", "P-0123456789abcd", "p-0123456789abcg"])
def test_other_texts_are_no_pseudonyms(text: str) -> None:
    assert not is_pseudonym(text)


def test_the_key_is_not_in_what_is_printed_of_a_viewer() -> None:
    assert "kkkk" not in repr(Viewer("ana", "analyst", KEY, session="secret-nonce"))
    assert "secret-nonce" not in repr(Viewer("ana", "analyst", KEY, session="secret-nonce"))
