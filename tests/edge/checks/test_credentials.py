from pathlib import Path

from edge.checks.credentials import as_found
from edge.wire.settings import Broker


def test_a_key_that_is_not_laid_out_is_read_where_it_is_kept(tmp_path: Path) -> None:
    laid, kept = tmp_path / "run", tmp_path / "etc"
    laid.mkdir()
    kept.mkdir()
    broker = Broker(ca="/x/ca.crt", certificate="/x/mqtt.crt", key=str(laid / "mqtt.key"))
    assert as_found(broker, laid, kept) == broker
    (kept / "mqtt.key").touch()
    assert as_found(broker, laid, kept).key == str(kept / "mqtt.key")
    assert as_found(broker, laid, kept).certificate == "/x/mqtt.crt"
    (laid / "mqtt.key").touch()
    assert as_found(broker, laid, kept) == broker
