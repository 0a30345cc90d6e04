"""Where a pretrained encoder's files are: a folder, the hub, or the embedded world's own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from spaces import UserError
from spaces.errors import NotHere
from trainables.digest import digest_of_folder
from trainables.sources.reach import hub_answers

# What is being done, how much of it is done, out of how much.
Progress = Callable[[str, int, int], None]

# Never *.bin or *.pt: those are pickles, which can run code when read.
_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt")
_WEIGHTS = ("config.json", "*.safetensors")
_TOKENIZER = ("tokenizer*", "*.model", "vocab*", "special_tokens_map.json")


def find_model(name: str, world_folder: Path, mirror: Path | None = None, progress: Progress | None = None) -> Path:
    """The folder of a model: 'world' (pretrained there the first time), a folder, or a hub id (from the mirror, else
    downloaded once).

    Raises `UserError` for a folder that holds no encoder in safetensors, `NotHere` for an id that cannot be had.
    """
    if name == "world":
        if not (world_folder / "config.json").is_file():
            from trainables.world.pretrain import pretrain  # loads torch, which no other call needs

            pretrain(world_folder, progress=progress and partial(progress, "pretraining the world's encoder"))
        return world_folder
    folder = Path(name)
    if folder.is_dir():
        return _checked(folder, name)
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise UserError(f"model folder '{name}' does not exist; give --model FOLDER or set STOPOVER_MODEL")
    if mirror is not None and mirrored_model(mirror, name).is_dir():
        return _checked(mirrored_model(mirror, name), name)
    return _checked(_from_hub(name), name)


def mirrored_model(mirror: Path, name: str) -> Path:
    """Where a mirror folder keeps a model."""
    return mirror / "models" / name.strip("/").replace("/", "__")


def model_files(folder: Path) -> list[Path]:
    """The files of a model folder that are ever read: configuration, safetensors, tokenizer."""
    return sorted({path for pattern in _WANTED for path in folder.glob(pattern)})


def model_digest(folder: Path) -> str:
    """What names the encoder in stage keys: its configuration, weights and tokenizer."""
    return digest_of_folder(folder, _WEIGHTS + _TOKENIZER)


def tokenizer_digest(folder: Path) -> str:
    """What names the tokenizer in caches of tokenised data."""
    return digest_of_folder(folder, _TOKENIZER)


def _checked(folder: Path, name: str) -> Path:
    if not (folder / "config.json").is_file():
        raise UserError(f"model '{name}': {folder} has no config.json; it is no Hugging Face model folder")
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"model '{name}': {folder} has no *.safetensors weights; other files are not read, as pickles")
    if not any((folder / file).is_file() for file in ("tokenizer.json", "sentencepiece.bpe.model", "spm.model")):
        raise UserError(f"model '{name}': {folder} has no tokenizer.json; save the model's tokenizer there")
    return folder


def _from_hub(name: str) -> Path:
    reachable = hub_answers()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED), local_files_only=not reachable))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).splitlines()[0] if reachable else "the hub cannot be reached and it is not in the cache"
        raise NotHere(
            f"model '{name}' is neither a folder nor a hub model that can be had ({reason}); "
            "give --model FOLDER or set STOPOVER_MODEL"
        ) from None
