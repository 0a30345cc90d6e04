"""YAML with the line of every key, so that an error can say where it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from spaces.errors import UserError

KeyPath = tuple[str | int, ...]


def read_yaml(path: Path) -> tuple[Any, dict[KeyPath, int]]:
    """The document and the line (from 1) of each key path in it; raises `UserError` on bad YAML."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return yaml.safe_load(text), dict(_lines(root, (), path)) if root else {}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise UserError(f"{path}:{line} not valid YAML: {getattr(error, 'problem', None) or error}") from None


def _lines(node: yaml.Node, at: KeyPath, path: Path) -> Iterator[tuple[KeyPath, int]]:
    yield at, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:  # YAML would silently keep the last one
                raise UserError(f"{path}: line {key.start_mark.line + 1}: '{key.value}' is given twice; keep one")
            seen.add(key.value)
            yield from _lines(value, (*at, key.value), path)
            yield (*at, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*at, index), path)
