"""Before the doors open: a plan in which every post, position, zone and pair of radios has an owner."""
