"""Everything that can happen to a call in; the rows that it must become, and those that it became, out."""
