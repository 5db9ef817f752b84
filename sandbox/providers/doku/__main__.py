import sys

from sandbox.providers.doku.doku import Doku
from sandbox.providers.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.providers.doku", Doku))
