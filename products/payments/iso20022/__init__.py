"""ISO 20022 messages of the banks: bytes to dataclasses and back, no input or output."""
