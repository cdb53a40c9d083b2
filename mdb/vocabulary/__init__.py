"""What can be said on a bus: every peripheral's messages, byte by byte, one file a peripheral.

`message` has what all have in common, `cash_message` what those with money in them have, and
`file_transport` what any of them may carry. Nothing here knows what was said before.
"""
