"""What the generator leaves out, each with the reason; a test compares it with SQLAlchemy."""

TYPES = {
    "collation_schema": "a collation in a schema of its own needs one to be made first",
    "pickler": "how Python writes it",
    "comparator": "how Python compares it",
    "enums": "the values, which the generator gives by position",
    "item_type": "given always",
    "values": "given always",
    "retrieve_as_bitwise": "how Python reads a SET",
    "scale": "",
}
del TYPES["scale"]
