"""The `attention` command."""
