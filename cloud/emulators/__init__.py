"""Emulators: faithful stand-ins of providers, each an HTTP server of its own with a ledger.

They are the demo's register and the tests' judge: the ledger lists every document ever made, so
that a second receipt for one sale cannot hide. README.md tells what a faithful one does.
"""
