"""The commands of ``python -m mdb``, one a file.

Each has `add_to(commands)`, which adds its parser and sets `run` as its default, and
`run(arguments) -> int`, the exit status: 0 done, 1 something failed. The user's mistake is raised
as `mistake.MistakeError` and ends with 2; argparse ends with 2 by itself.
"""
