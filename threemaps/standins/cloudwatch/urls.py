"""Where CloudWatch's operations are called: all at `/`, by a header, but for those in CBOR."""

LOGS_TARGET = "Logs_20140328."
METRICS_TARGET = "GraniteServiceVersion20100801."
METRICS_PATH = "/service/GraniteServiceVersion20100801/operation/"
