"""`python -m attention` is the `attention` command."""

from attention.cli import main

main()
