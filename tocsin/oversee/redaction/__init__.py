"""Redaction: documents that never held the withheld words, and the gate that reads them back."""
