from pathlib import Path

import pytest
import torch

from tests.trainables.conftest import MakeForm
from trainables.encoder import FineTuned, Head, load_encoder, load_tokenizer, mean_pooled, retrieval_layer
from trainables.formats.base import HeadShape

BATCH = {
    "input_ids": torch.tensor([[0, 9, 8, 2], [0, 7, 2, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
}


def test_the_mean_leaves_padding_out() -> None:
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]]])
    assert mean_pooled(states, torch.tensor([[1, 1, 0]])).tolist() == [[2.0, 4.0]]


@pytest.mark.parametrize("family", ["tiny_model", "tiny_modernbert"])
def test_an_encoder_is_loaded_in_float32_without_pooler(family: str, request: pytest.FixtureRequest) -> None:
    encoder = load_encoder(request.getfixturevalue(family))
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    assert not [name for name, _ in encoder.named_parameters() if "pooler" in name]


@pytest.mark.parametrize("family", ["tiny_model", "tiny_modernbert"])
@pytest.mark.parametrize(("pools", "shape"), [(True, (2, 3)), (False, (2, 4, 3))])
def test_logits_are_per_text_or_per_token(
    family: str, pools: bool, shape: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    model = FineTuned(load_encoder(request.getfixturevalue(family)), [HeadShape(3, pools)], dropout=0.1)
    types = {"token_type_ids": torch.zeros_like(BATCH["input_ids"])}
    assert model(BATCH).shape == model(BATCH | types).shape == shape


def test_xlmr_pools_the_first_token_and_modernbert_the_mean(tiny_model: Path, tiny_modernbert: Path) -> None:
    for folder, pooled in (
        (tiny_model, lambda states: states[:, 0]),
        (tiny_modernbert, lambda states: mean_pooled(states, BATCH["attention_mask"])),
    ):
        model = FineTuned(load_encoder(folder), [HeadShape(3, pools=True)], dropout=0.1).eval()
        states = model.encoder(**BATCH).last_hidden_state
        assert torch.equal(model(BATCH), model.heads[0](pooled(states)))


def test_padding_does_not_change_a_texts_logits(tiny_model: Path) -> None:
    model = FineTuned(load_encoder(tiny_model), [HeadShape(3, pools=True)], dropout=0.1).eval()
    alone = {"input_ids": torch.tensor([[0, 7, 2]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    assert torch.allclose(model(BATCH)[1], model(alone)[0], atol=1e-5)


def test_a_head_over_vectors_has_a_layer_more() -> None:
    over_vectors = Head(4, HeadShape(2, True), 0.0)
    assert sorted(over_vectors.state_dict()) == ["dense.bias", "dense.weight", "out.bias", "out.weight"]
    assert sorted(Head(4, HeadShape(2, False), 0.0).state_dict()) == ["out.bias", "out.weight"]


@pytest.mark.parametrize(
    ("depth", "chosen", "layer"),
    [(24, None, 14), (12, None, 7), (4, None, 2), (2, None, 1), (12, 3, 3), (12, 0, 0), (12, 99, 12)],
)
def test_the_retrieval_layer_is_14_of_24_scaled_or_chosen(
    depth: int, chosen: int | None, layer: int, tiny_model: Path
) -> None:
    encoder = load_encoder(tiny_model)
    encoder.config.num_hidden_layers = depth
    assert retrieval_layer(encoder, chosen) == layer


def test_a_folders_tokenizer_is_loaded_once(tiny_model: Path) -> None:
    assert load_tokenizer(tiny_model) is load_tokenizer(tiny_model)


def test_the_small_real_encoder_loads(shared: Path) -> None:
    folder = shared / "models" / "mini-xlmr"
    ids = load_tokenizer(folder)("Ein Satz.", return_tensors="pt")
    states = load_encoder(folder)(**{name: ids[name] for name in ("input_ids", "attention_mask")}).last_hidden_state
    assert states.shape[::2] == (1, 256)
    assert torch.isfinite(states).all()


@pytest.mark.parametrize(("drops", "alike"), [(True, False), (False, True)])
def test_a_head_may_read_the_states_as_they_are(drops: bool, alike: bool) -> None:
    torch.manual_seed(0)
    head, states = Head(8, HeadShape(2, False, drops), 0.5).train(), torch.ones(50, 8)
    assert torch.equal(head(states), head(states)) is alike


def test_span_qa_alone_drops_nothing_in_its_head(make_form: MakeForm) -> None:
    shapes = {
        task: make_form(task, labels=("a", "b")).head for task in ("xquad", "squad_v2", "udpos", "xnli", "hellaswag")
    }
    assert {task for task, shape in shapes.items() if not shape.drops} == {"xquad", "squad_v2"}
