"""Answers of the store in, pictures out: pure functions that know plotly and numbers only."""
