import sys

from sandbox.providers.google_play.google_play import GooglePlay
from sandbox.providers.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.providers.google_play", GooglePlay))
