"""How fast a model judges on this machine, beside what others would do with the same weights. Figures, no verdicts."""

from classifier.bench.throughput import Bench, measure

__all__ = ["Bench", "measure"]
