"""A trial: one combination of recipe, target, learning rates and seed."""

from dataclasses import dataclass

from spaces.recipes import Recipe, parse_recipe


@dataclass(frozen=True, order=True)
class Trial:
    """What Ray Tune schedules. `recipe` is canonical; the two rates are equal unless the space splits them."""

    target: str
    recipe: str
    learning_rate: float
    intermediate_learning_rate: float
    seed: int

    @property
    def id(self) -> str:
        """Readable, unique within a sweep: `xquad/mnli>squad_v1/lr=0.001/seed=0`."""
        split = self.intermediate_learning_rate != self.learning_rate
        rates = f"{self.intermediate_learning_rate:g}>{self.learning_rate:g}" if split else f"{self.learning_rate:g}"
        return f"{self.target}/{self.recipe}/lr={rates}/seed={self.seed}"

    @property
    def steps(self) -> Recipe:
        """The recipe, parsed."""
        return parse_recipe(self.recipe)
