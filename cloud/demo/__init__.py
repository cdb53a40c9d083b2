"""The demo: a vending machine, a broker, the fiscaliser and a register, here and now.

Everything is real but the machine and the register: processes of their own, on loopback ports that
are free, in a folder that goes when the demo ends.
"""

from cloud.demo.show import demo

__all__ = ["demo"]
