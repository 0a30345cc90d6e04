from pathlib import Path

import torch

from trainables.encoder import FineTuned, load_encoder
from trainables.formats.base import HeadShape
from trainables.predicting import predict


def test_predictions_come_in_the_order_of_the_examples_however_they_were_batched(
    make_examples, make_form, tiny_model: Path
) -> None:
    lengths = [9, 1, 30, 4, 2, 17, 3, 30, 1]
    rows = [{"tokens": ["the"] * n, "tags": [number] * n} for number, n in enumerate(lengths)]
    labels = tuple(f"T{number}" for number in range(9))
    examples = make_examples("udpos", rows, labels)
    torch.manual_seed(0)
    model = FineTuned(load_encoder(tiny_model), [HeadShape(9, pools=False)], dropout=0.0)

    def predictions(**settings: int) -> list[list[str]]:
        form = make_form("udpos", labels, **settings)
        return predict(model, form, examples, form.encode(examples))

    # windows of 14 words cut three of the sentences; batches of 1 keep the file's order of work from mattering
    found = predictions(max_length=16)
    assert [len(tags) for tags in found] == lengths
    assert predictions(max_length=16, batch_size=1) == found


def test_scoring_uses_no_dropout(make_examples, make_form, tiny_model: Path) -> None:
    examples = make_examples("mnli", [{"text_a": "the cat", "text_b": "the", "label": 0}] * 20)
    form = make_form("mnli")
    model = FineTuned(load_encoder(tiny_model), [HeadShape(3, pools=True)], dropout=0.9).train()
    assert len(set(predict(model, form, examples, form.encode(examples)))) == 1
