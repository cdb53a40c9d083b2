"""Metrics, by Prometheus. No machine is a label: a fleet of a hundred thousand would drown it."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SALES: Final = Counter("chekomat_sales", "Sales that arrived", ["result"])
MALFORMED: Final = Counter("chekomat_malformed", "Messages that made no sense")
OUTCOMES: Final = Counter("chekomat_outcomes", "Providers' answers by class", ["outcome"])
PROVIDER_SECONDS: Final = Histogram("chekomat_provider_seconds", "A provider's answer", ["step"])
BAD_SIGNATURES: Final = Counter("chekomat_bad_signatures", "Pushes that a provider did not sign")
OPEN_RECEIPTS: Final = Gauge("chekomat_open_receipts", "Receipts not issued yet")
OLDEST_OPEN_SECONDS: Final = Gauge("chekomat_oldest_open_seconds", "Age of the oldest of them")
ATTENTION: Final = Gauge("chekomat_attention", "Sales and receipts that wait for a person")
UNTOLD: Final = Gauge("chekomat_untold", "Receipts that their machine does not have yet")
INCIDENTS: Final = Gauge("chekomat_incidents", "Incidents on record")
MACHINES_ONLINE: Final = Gauge("chekomat_machines_online", "Machines that are connected")
