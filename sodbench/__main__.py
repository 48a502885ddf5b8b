"""``python -m sodbench``: the command line where its script is not on the path."""

from sodbench.cli import main

if __name__ == "__main__":
    main()
