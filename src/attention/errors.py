"""What went wrong with something a user gave us, in one line they can act on."""


class BadInput(ValueError):
    """A file, an argument or a checkpoint that cannot be used.

    The message is one line: what is wrong, where, and what to do about it. The `attention` command
    prints it and exits with code 2.
    """
