"""The wire format: SenML packs (RFC 8428) in JSON and CBOR, to and from columns."""

from bypuls.senml.codec import MAX_PAYLOAD, decode, encode_cbor, encode_json
from bypuls.senml.pack import Pack
from bypuls.senml.record import Record

__all__ = ["MAX_PAYLOAD", "Pack", "Record", "decode", "encode_cbor", "encode_json"]
