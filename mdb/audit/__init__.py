"""What a machine itself has counted: its EVA-DTS audit file, read, checked and compared.

>>> from mdb.audit import counts_since, read_audit
>>> morning, evening = read_audit(one), read_audit(two)
>>> counts_since(morning, evening).totals["paid"]
Counter(count=2, value=20000)
"""

from mdb.audit.audit import Audit, read_audit
from mdb.audit.balance import Imbalance, imbalances
from mdb.audit.counts import Counter, Counts, Selection
from mdb.audit.dts import Checksum, NotAnAuditError
from mdb.audit.since import NoComparisonError, counts_since

__all__ = [
    "Audit",
    "Checksum",
    "Counter",
    "Counts",
    "Imbalance",
    "NoComparisonError",
    "NotAnAuditError",
    "Selection",
    "counts_since",
    "imbalances",
    "read_audit",
]
