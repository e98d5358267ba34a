"""TLS: the broker must show a certificate that the configured one has signed, for the configured name."""

import tls


def wrap(plain, settings):
    """Return a socket that encrypts; `settings["tls"]`: the file of the certificate to trust, PEM or DER."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    with open(settings["tls"], "rb") as file:
        context.load_verify_locations(file.read())
    return context.wrap_socket(plain, server_hostname=settings["host"], do_handshake_on_connect=False)
