"""Command line: a module for each subcommand of `attention`, the options and the printing.

A new subcommand is a module here, listed in `app`. An option of `train` is a field of
`TrainingOptions` in `options`, or of one command in `train_translation` or `train_language`.
"""
