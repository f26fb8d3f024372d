"""Calls of closed stretches of time in, totals by every dimension out, as columns that are read in milliseconds.

A *segment* is a stretch of time, an hour or a day. For each value of each dimension it has a *sheet*: the totals of the
calls with that value, split by every other dimension. What was written after a segment was made is seen by the hours
that were touched since; such a segment is not read.
"""
