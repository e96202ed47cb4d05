"""Fuzzing: malformed input at random, by seed, for every parser and every option; see `tests.fuzz.case`."""
