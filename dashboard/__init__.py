"""The dashboard: `create_app` for a WSGI server, ``python -m dashboard`` for everyone else."""

from dashboard.app import create_app
from dashboard.data import Data

__all__ = ["Data", "create_app"]
