"""Proof to strangers: tiles, proofs, witnesses, time stamps, and bundles that `tocsin-verify` checks alone."""
