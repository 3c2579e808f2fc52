"""The documents and the tree agree: what a page names is there."""

import re
from pathlib import Path

import pytest

from warehouse.publish import PUBLISHED_TABLES
from warehouse.settings import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("dags/*.md")])
LINK = re.compile(r"\[[^\]]+\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
FOLLOW_THE_DATA = re.compile(r"^## Follow the data\n(?P<table>.*?)^## ", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_there_are_pages_to_check() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= {page.name for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        path = (page.parent / target).resolve()
        assert path.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and path.suffix == ".md":
            assert anchor[1:] in anchors(path), f"{page.name} links to {target}{anchor}: no such heading"


def test_follow_the_data_names_folders_that_exist() -> None:
    found = FOLLOW_THE_DATA.search((REPOSITORY / "README.md").read_text() + "\n## ")
    assert found, "README has no section 'Follow the data'"
    rows = [line for line in found["table"].splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for row in rows:
        folder = re.search(r"`([^`]+/)`", row)
        assert folder, f"this row names no folder: {row}"
        if not folder[1].startswith("data/"):
            assert (REPOSITORY / folder[1]).is_dir(), f"README names {folder[1]}, which is not there"


def test_every_code_folder_is_on_the_map() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    packages = [path.parent.name for path in REPOSITORY.glob("*/__init__.py")]
    assert {"dags", "ml", "warehouse"} <= set(packages)
    missing = [name for name in [*packages, "dbt_project"] if f"]({name}" not in readme]
    assert not missing, f"README's map lacks {missing}"


def test_the_runbook_has_a_section_for_every_dag() -> None:
    runbook = anchors(REPOSITORY / "docs" / "runbook.md")
    dags = [path.stem for path in (REPOSITORY / "dags").glob("*.py") if "@dag" in path.read_text()]
    assert len(dags) >= 4
    assert not [dag for dag in dags if dag not in runbook]


def test_the_glossary_explains_every_published_table() -> None:
    glossary = (REPOSITORY / "docs" / "glossary.md").read_text()
    assert len(PUBLISHED_TABLES) >= 8
    assert not [table.name for table in PUBLISHED_TABLES if f"`{table.name}`" not in glossary]


def test_the_example_environment_names_every_setting() -> None:
    example = set(
        re.findall(r"^#? ?(HOLDFAST_\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
    )
    used = {
        name
        for folder in ("warehouse", "dags", "ml", "expectations", "dbt_project")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in {".py", ".yml", ".sql"} and path.is_file()
        for name in re.findall(r"[\"'](HOLDFAST_[A-Z_]+)[\"']", path.read_text())
    }
    assert "HOLDFAST_HOME" in used
    assert used - INTERNAL == example - {"HOLDFAST_REAL_DATA"}


#: Set by the project itself for the processes that it starts.
INTERNAL: set[str] = {
    "HOLDFAST_BUILD_FILE",
    "HOLDFAST_DBT_TARGET",
    "HOLDFAST_DBT_THREADS",
    "HOLDFAST_SPILL",
}
