"""`python -m bioasm`: the same as the command `bioasm`."""

import sys

from bioasm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
