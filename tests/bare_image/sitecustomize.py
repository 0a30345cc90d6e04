"""A Python that lacks what a bare CUDA image lacks: put this folder first on PYTHONPATH."""

import sys
from importlib.machinery import PathFinder

LACKING = {"pydantic", "ray", "mlflow", "datasets", "optuna", "rich", "typer", "matplotlib", "psutil"}


class BareFinder(PathFinder):
    """Finds installed packages, all but those."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.split(".")[0] in LACKING else super().find_spec(fullname, path, target)


sys.meta_path[:] = [BareFinder if finder is PathFinder else finder for finder in sys.meta_path]
