"""Exercises of a day in the field: a plan, then sightings minute by minute, with and without Tocsin."""
