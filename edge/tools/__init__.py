"""The commands of ``python -m edge``, one file each.

A command is a module with ``EXAMPLES``, ``add_arguments(parser)`` and ``run(arguments) -> int``, and
a line in `edge/__main__.py`. It is loaded only when it is called.
"""
