"""`python -m dimgs` is the command `dimgs`."""

from dimgs.cli import main

if __name__ == "__main__":
    main()
