"""What each command does; `attention.cli` gives them their names."""
