"""What script/accept measures: one module per area, each with a PARTS table."""
