"""``python -m dashboard``: settings and a few options in, a serving dashboard out."""

import sys

from dashboard.server import main

if __name__ == "__main__":
    sys.exit(main())
