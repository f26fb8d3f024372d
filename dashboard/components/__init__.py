"""Frames and figures in, Dash components out: what a page is built of, each thing designed once."""
