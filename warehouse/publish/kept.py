"""The snapshots that are kept, with what their manifests say."""

from pathlib import Path

from warehouse.errors import DamagedFile
from warehouse.publish.manifest import Manifest, read_manifest
from warehouse.publish.pointer import snapshots_folder
from warehouse.settings import Settings


def kept_snapshots(settings: Settings, source: str | None = None) -> list[tuple[Manifest, Path]]:
    """Return every snapshot with a readable manifest, oldest as_of_date and epoch first.

    Parameters
    ----------
    settings : Settings
        Says where the published folder is.
    source : str, optional
        Only this shop's.
    """
    found = []
    for folder in snapshots_folder(settings).glob("[!.]*"):
        try:
            manifest = read_manifest(folder)
        except DamagedFile:
            continue  # not a snapshot that anything could be taken from; `check` names it if it is served
        if source is None or manifest.source == source:
            found.append((manifest, folder))
    return sorted(found, key=lambda pair: pair[0].position)
