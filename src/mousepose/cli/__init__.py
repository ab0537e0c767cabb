"""The command line. `mousepose.cli.main:app` is the program."""
