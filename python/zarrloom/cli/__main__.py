"""``python -m zarrloom.cli``."""

import sys

from zarrloom.cli import main

sys.exit(main())
