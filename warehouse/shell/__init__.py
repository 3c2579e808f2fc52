"""SQL for analysts: a shell over the published snapshot that can read it and do nothing else."""

from warehouse.shell.prompt import run_shell
from warehouse.shell.session import Limits, Result, Session, open_session

__all__ = ["Limits", "Result", "Session", "open_session", "run_shell"]
