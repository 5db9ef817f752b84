import sys

from sandbox.doku.doku import Doku
from sandbox.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.doku", Doku))
