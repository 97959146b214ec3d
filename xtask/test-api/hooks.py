"""Changes the requests that Schemathesis generates."""

import schemathesis


@schemathesis.hook
def filter_headers(context, headers):
    """Drops requests whose only fault is an unknown header, because servers ignore unknown headers (RFC 9110, 5.1)."""
    return "x-schemathesis-unknown-property" not in (headers or {})
