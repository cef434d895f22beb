"""`python -m gateway` is the command `lamplight`."""

import sys

from gateway.cli import main

sys.exit(main())
