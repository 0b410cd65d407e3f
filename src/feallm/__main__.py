"""`python -m feallm`: the `feallm` command."""

from feallm.cli import main

if __name__ == "__main__":
    main()
