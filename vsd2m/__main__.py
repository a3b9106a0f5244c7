"""`python -m vsd2m` is the command line."""

from vsd2m.cli.main import main

if __name__ == "__main__":
    main()
