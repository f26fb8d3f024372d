"""Factors that turn robust deviations into standard deviations of a normal distribution.

Source: Iglewicz & Hoaglin (1993), "How to Detect and Handle Outliers".
"""

from __future__ import annotations

# sqrt(pi / 2): makes a mean absolute deviation estimate its standard deviation.
MEAN_AD_TO_SIGMA = 1.2533
