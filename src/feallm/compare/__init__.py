"""How far two result tables agree, of whatever tools they are. Not `feallm.bench.compare`, which has a truth."""

from feallm.compare.comparison import Comparison, compare, compare_tables

__all__ = ["Comparison", "compare", "compare_tables"]
