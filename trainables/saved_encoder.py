"""An encoder out of the store as a folder that `transformers` reads without anything of ours."""

from pathlib import Path

from spaces import UserError
from trainables.encoder import load_encoder, load_tokenizer
from trainables.model_files import model_digest
from trainables.store import Store
from trainables.weights import ENCODER_FILE, read_tensors


def save_encoder(store: Store, stage: str, model: Path, folder: Path) -> None:
    """Writes configuration, weights (safetensors) and tokenizer of `model` as a training stage left it.

    `stage` may be the model's own digest: pretrained, nothing more. Raises `UserError` where the store has the stage no
    more, or the model is not the one that it trained.
    """
    entry = store.find(stage)  # first, as telling whether it is the model itself takes hashing all of its weights
    if entry is None and stage != model_digest(model):
        raise UserError(f"the weights of stage {stage[:12]} are not in the store any more; run the sweep again")
    encoder = load_encoder(model)
    if entry is not None:
        try:
            encoder.load_state_dict(read_tensors(entry.path(ENCODER_FILE)))
        except RuntimeError:
            raise UserError(f"{model} is not the model that the sweep trained; put that back there") from None
    encoder.save_pretrained(folder)
    load_tokenizer(model).save_pretrained(folder)
