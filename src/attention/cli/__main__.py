"""`python -m attention.cli` is the `attention` command."""

from attention.cli.app import main

main()
