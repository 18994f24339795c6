"""The rules behind script/check."""
