"""The pretrained encoder in the store, for machines that do not have the folder that it was found in."""

from pathlib import Path

from trainables.model_files import model_files
from trainables.store import Entry, Store
from trainables.workbench import MissingParent


def put_model(store: Store, folder: Path, key: str) -> str:
    """Puts a model's files into the store, if they are not there, under its digest: the first stages' parent."""
    if store.record(key) is None:
        files = {file.name: file for file in model_files(folder)}
        store.publish(key, {"stage": "model", "files": sorted(files)}, files)
    return key


def get_model(store: Store, key: str) -> Entry:
    """A model from the store, every file checked; its `folder` is one to load from as long as the entry is held.

    Raises `MissingParent` where the store has lost it.
    """
    entry = store.find(key)
    if entry is None:
        raise MissingParent(key)
    return entry
