"""Reads files elsewhere, on web servers and in object stores; nothing is written, there or here."""
