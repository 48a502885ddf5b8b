"""From results to text, tables and figures. Rounding is done only here."""
