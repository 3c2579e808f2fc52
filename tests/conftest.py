"""What all tests share: the dbt project as it was read once."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from warehouse import dbt_project
from warehouse.settings import REPOSITORY, Settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files with slow tests begin: one that came last would keep the other process waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _project_read_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give a new home what another home's dbt has read of the same project with the same variables.

    dbt takes seconds to read the project, and there are many homes. It checks by itself whether what it finds
    there is still true.
    """
    folder = tmp_path_factory.getbasetemp()
    # two workers of one session share it
    shared = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "dbt-project-read"
    shared.mkdir(exist_ok=True)
    read = dbt_project.read_project

    def read_project(settings: Settings, variables: Mapping[str, str | int], **more: Any) -> Any:
        if settings.dbt_project != REPOSITORY / "dbt_project":
            return read(settings, variables, **more)
        shaping = {name: variables.get(name) for name in dbt_project.SHAPING}
        key = hashlib.sha256(json.dumps(shaping).encode()).hexdigest()[:16]
        known = shared / f"{key}.msgpack"
        own = settings.dbt_home / "target" / "partial_parse.msgpack"
        if known.exists() and not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(known, own)
        outcome = read(settings, variables, **more)
        if outcome.success and not known.exists():
            half = shared / f"{key}.{os.getpid()}.tmp"
            shutil.copyfile(own, half)
            half.replace(known)
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt_project, "read_project", read_project)
        yield
