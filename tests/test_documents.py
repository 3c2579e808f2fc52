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


def settings_of_the_example() -> set[str]:
    example = (REPOSITORY / ".env.example").read_text()
    return set(re.findall(r"^#? ?(HOLDFAST_\w+)=", example, re.MULTILINE))


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


def test_the_runbook_says_what_to_do_about_every_alarm() -> None:
    from campaigns.alarms import KINDS
    from ml.uplift.entry import POLICY_BACK_TO_SEED
    from ml.watch import RETRAINING_WANTED

    checks = (REPOSITORY / "dbt_project/models/marts/reporting/model/_model__models.yml").read_text()
    kinds = re.search(r"name: check_kind.*?values:\s*\[([^\]]+)\]", checks, re.DOTALL)
    assert kinds, "model_health says no longer which kinds of checks there are"
    expected = {*re.findall(r"\w+", kinds[1]), "watch_failed", RETRAINING_WANTED, *KINDS, POLICY_BACK_TO_SEED}
    assert len(expected) >= 12
    runbook = (REPOSITORY / "docs" / "runbook.md").read_text()
    alarms = runbook.split("\n### Alarms\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", alarms, re.MULTILINE)) == expected


def test_the_readme_names_every_published_table() -> None:
    told = (REPOSITORY / "README.md").read_text().split("\nTables: ")[1].split("Every column")[0]
    assert set(re.findall(r"`(\w+)`", told)) == {table.name for table in PUBLISHED_TABLES}


def test_every_make_command_in_the_pages_is_a_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert {"demo", "model-card", "judge", "pin"} <= targets
    for page in PAGES:
        commands = re.findall(r"(?:`|^ {4}|^\$ )make ([a-z-]+)", page.read_text(), re.MULTILINE)
        assert not set(commands) - targets, f"{page.name} names a target that the Makefile lacks"


def test_every_setting_in_the_pages_is_in_the_example_environment() -> None:
    known = settings_of_the_example() | INTERNAL
    # these two tell of the past as well
    pages = [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "adr"]
    for page in pages:
        unknown = set(re.findall(r"HOLDFAST_[A-Z_]+", page.read_text())) - known
        assert not unknown, f"{page.name} names {sorted(unknown)}, which .env.example lacks"


def test_the_list_of_decisions_is_whole() -> None:
    folder = REPOSITORY / "docs" / "adr"
    pages = sorted(path.name for path in folder.glob("0*.md"))
    assert len(pages) >= 9
    assert sorted(set(re.findall(r"\((0\d+-[\w-]+\.md)\)", (folder / "README.md").read_text()))) == pages


def test_the_dashboards_page_shows_its_pictures_and_they_are_small() -> None:
    page = REPOSITORY / "docs" / "dashboard.md"
    pictures = sorted((page.parent / "images").glob("*.png"))
    assert {"today.png", "user.png", "phone.png"} <= {path.name for path in pictures}
    assert max(path.stat().st_size for path in pictures) < 300_000
    shown = set(re.findall(r"!\[[^\]]+\]\(images/([\w-]+\.png)\)", page.read_text()))
    assert shown == {path.name for path in pictures}


def test_the_model_card_shows_its_pictures_and_names_no_machine() -> None:
    card = REPOSITORY / "docs" / "model_card.md"
    pictures = sorted(card.with_suffix("").glob("*.png"))
    assert len(pictures) == 7
    assert max(path.stat().st_size for path in pictures) < 60_000
    shown = re.findall(r"!\[[^\]]+\]\((model_card/\w+\.png)\)", card.read_text())
    assert sorted(shown) == [f"model_card/{path.name}" for path in pictures]
    assert not re.search(r"[ `(=]/\w", card.read_text())


def test_the_glossary_explains_every_published_table() -> None:
    glossary = (REPOSITORY / "docs" / "glossary.md").read_text()
    assert len(PUBLISHED_TABLES) >= 8
    assert not [table.name for table in PUBLISHED_TABLES if f"`{table.name}`" not in glossary]


def test_the_example_environment_names_every_setting() -> None:
    example = settings_of_the_example()
    used = {
        name
        for folder in ("warehouse", "campaigns", "serving", "dags", "ml", "expectations", "dbt_project")
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
