"""What a page asks is found, each query by itself."""

from pathlib import Path

from tests.documents_sql import Block, sql_blocks

PAGE = """# A page
Text; more.

## Looking
```sql
select 1
from one;
```

```python
select = "not SQL"
```

## Counting
```sql
-- how many?
select count(*) from one;

-- which, and why?
-- the newest first
select * from one where note = 'a;b'
order by 1 desc
```
"""


def test_each_statement_is_a_query_titled_by_its_comment_or_its_heading(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert sql_blocks(page) == [
        Block("Looking", "select 1\nfrom one"),
        Block("how many?", "select count(*) from one"),
        Block("which, and why?", "select * from one where note = 'a;b'\norder by 1 desc"),
    ]


def test_a_page_without_queries_has_none(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\nOnly `select 1` in a sentence.\n", encoding="utf-8")
    assert sql_blocks(page) == []
