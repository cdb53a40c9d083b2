"""What the fiscal data format and the law ask of a receipt, tag by tag; `cloud.validator` asks it.

A check takes the receipt and the day of its settlement in the machine's zone, and says what is
wrong, or nothing.
"""
