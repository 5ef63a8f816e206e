"""That the benchmarks are honest: what they call met, failed and void is so."""
