"""`python -m hrssm` is the command line `hrssm`."""

from hrssm.cli import main

if __name__ == "__main__":
    main()
