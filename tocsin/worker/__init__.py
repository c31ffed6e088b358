"""The loops that keep the clock: sequencer, duties, deliveries, feeds."""
