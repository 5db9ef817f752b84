import sys

from sandbox.plumbing.stand_in import main
from sandbox.two_c_two_p.two_c_two_p import TwoCTwoP

if __name__ == "__main__":
    sys.exit(main("sandbox.two_c_two_p", TwoCTwoP))
