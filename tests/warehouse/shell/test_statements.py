import pytest

from warehouse.shell.statements import is_complete


@pytest.mark.parametrize(
    "text",
    [
        "select 1;",
        "select 1;  \n",
        "select ';' as a;",
        "select 'it''s; fine';",
        'select 1 as "a;b";',
        "select $$ a; b $$;",
        "select 1; -- and that is all",
        "select 1 /* ; */;",
        "select 1; select 2;",
    ],
)
def test_a_text_is_complete_where_its_last_statement_ends(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select 1",
        "select 1; select 2",
        "select ';",
        "select 'it''s;",
        'select 1 as "a;',
        "select $$ a;",
        "select $x$ a; $$;",
        "select 1 -- ;",
        "select 1 /* ;",
    ],
)
def test_a_semicolon_in_a_text_a_name_or_a_comment_ends_nothing(text: str) -> None:
    assert not is_complete(text)
