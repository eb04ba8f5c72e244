"""Runs Linux's own iSCSI initiator against the gateway. Start at ../run and at inside.py."""
