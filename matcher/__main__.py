"""``python -m matcher``: the command, where it is not on the path."""

import sys

from matcher.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
