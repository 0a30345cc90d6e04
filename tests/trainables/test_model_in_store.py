"""A model travels to other machines by the store, and is the same there."""

from pathlib import Path

import pytest

from tests.stores import Place
from trainables.encoder import load_encoder
from trainables.model_files import model_digest
from trainables.model_in_store import get_model, put_model
from trainables.workbench import MissingParent


def test_another_machine_gets_the_model_that_was_put(place: Place, tiny_model: Path) -> None:
    key = model_digest(tiny_model)
    put_model(place.store("here"), tiny_model, key)
    held = get_model(place.store("there"), key)
    assert model_digest(held.folder) == key
    assert load_encoder(held.folder).config.hidden_size == 32


def test_it_is_put_once(place: Place, tiny_model: Path) -> None:
    key = model_digest(tiny_model)
    put_model(place.store(), tiny_model, key)
    before = place.names()
    put_model(place.store(), tiny_model, key)
    assert place.names() == before


def test_a_model_that_is_not_there_is_missed(place: Place) -> None:
    with pytest.raises(MissingParent):
        get_model(place.store(), "ab" * 32)
