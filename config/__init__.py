"""The wiring: settings, addresses, and the embedded servers."""
