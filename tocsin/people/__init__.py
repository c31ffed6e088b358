"""Agencies, accounts, roles, need to know, operations, shifts and qualifications."""
