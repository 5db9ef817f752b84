import sys

from sandbox.google_play.google_play import GooglePlay
from sandbox.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.google_play", GooglePlay))
