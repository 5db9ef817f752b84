import sys

from bench.running import main

if __name__ == "__main__":
    sys.exit(main("bench.drills", "script/drill"))
