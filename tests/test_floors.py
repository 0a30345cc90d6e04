"""The house has three floors and imports only go down."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
SEARCH_ONLY = {"ray", "mlflow", "optuna", "search"}
NOT_IN_SPACES = SEARCH_ONLY | {"torch", "transformers", "datasets", "trainables"}
RAY_ALLOWED = {"trainables/tune_trainable.py"}
BARE_IMAGE = REPOSITORY / "tests" / "bare_image"
WHAT_A_TRIAL_NEEDS = "training scoring trial_run workbench stages examples formats sources.mirror sources.world".split()


def imports_of(path: Path) -> Iterator[str]:
    """The first part of every absolute import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def files_of(floor: str) -> list[str]:
    return sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / floor).rglob("*.py"))


def test_imports_inside_functions_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "lazy.py"
    file.write_text("import json.decoder\ndef f():\n    from ray.tune import Tuner\n    from . import near\n")
    assert list(imports_of(file)) == ["json", "ray"]


@pytest.mark.parametrize("file", files_of("spaces"))
def test_spaces_import_nothing_from_the_floors_above(file: str) -> None:
    assert not NOT_IN_SPACES & set(imports_of(REPOSITORY / file))


@pytest.mark.parametrize("file", files_of("trainables"))
def test_trainables_import_nothing_from_search_but_ray_in_one_file(file: str) -> None:
    forbidden = SEARCH_ONLY - {"ray"} if file in RAY_ALLOWED else SEARCH_ONLY
    assert not forbidden & set(imports_of(REPOSITORY / file))


def printed(code: str, *first: Path) -> str:
    """What a fresh Python prints that looks for packages in some folders first."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*first, REPOSITORY)))}
    run = [sys.executable, "-c", code]
    return subprocess.run(
        run, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def loaded_after(statement: str, watched: set[str]) -> set[str]:
    """Which of the watched packages a fresh Python has loaded after a statement."""
    return set(printed(f"{statement}\nimport sys\nprint(*(set({sorted(watched)}) & sys.modules.keys()))").split())


def test_loading_spaces_loads_no_heavy_library() -> None:
    modules = [file.removesuffix(".py").replace("/", ".") for file in files_of("spaces")]
    statement = "\n".join(f"import {module.removesuffix('.__init__')}" for module in modules)
    assert loaded_after(statement, NOT_IN_SPACES) == set()


def test_loading_a_trial_loads_neither_ray_nor_mlflow_nor_optuna() -> None:
    assert loaded_after("import trainables.trial_run", SEARCH_ONLY | {"torch"}) == {"torch"}


def test_a_trial_needs_only_what_a_bare_cuda_image_has() -> None:
    imports = "; ".join(f"import trainables.{module}" for module in WHAT_A_TRIAL_NEEDS)
    assert printed(f"{imports}; print('there')", BARE_IMAGE) == "there\n"


def test_a_bare_image_has_no_pydantic() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        printed("from spaces import Space", BARE_IMAGE)
    assert "No module named 'pydantic'" in caught.value.stderr
