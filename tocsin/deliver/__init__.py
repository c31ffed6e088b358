"""Recipients, channels, the receipt ladder, retries."""
