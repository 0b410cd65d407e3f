"""FEABench: the same questions about the same faces for any model, and numbers that can be published."""
