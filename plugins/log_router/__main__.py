"""`python -m log_router`: the command line."""

import sys

from log_router.cli.main import main

sys.exit(main())
