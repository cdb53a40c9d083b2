"""The commands of ``python -m mdb``, one a file."""
