"""The books of the shop: what must be on every shelf and what became of every order, kept by hand.

Plain arithmetic written down anew; nothing here is the service's own code, and nothing here asks the service.
"""
