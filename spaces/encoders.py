"""Encoders that people use, by their shape: what estimates need where the model itself is not at hand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A transformer encoder: layers, width, and width of its feed-forward part."""

    layers: int
    hidden: int
    feed_forward: int

    def flop_per_token(self, length: int) -> float:
        """Floating-point operations of one forward pass per token of a text of `length` tokens.

        Two per weight of attention and feed-forward matrices, and the products of attention itself (Kaplan et al.
        2020, section 2.1). Embeddings are looked up, not multiplied.
        """
        matrices = 4 * self.hidden**2 + 2 * self.hidden * self.feed_forward
        return self.layers * (2.0 * matrices + 4.0 * length * self.hidden)


ENCODERS: dict[str, Shape] = {
    "FacebookAI/xlm-roberta-base": Shape(12, 768, 3072),
    "FacebookAI/xlm-roberta-large": Shape(24, 1024, 4096),
    "google-bert/bert-base-multilingual-cased": Shape(12, 768, 3072),
    "jhu-clsp/mmBERT-small": Shape(22, 384, 1152),
    "jhu-clsp/mmBERT-base": Shape(22, 768, 1152),
}
