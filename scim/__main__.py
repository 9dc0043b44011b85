"""`python -m scim`: the command line."""

import sys

from scim.cli.main import main

sys.exit(main(sys.argv[1:]))
