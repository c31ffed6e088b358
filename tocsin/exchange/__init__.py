"""Exchange with other agencies' systems: warnings out in their formats, their objects in, receipts both ways."""
