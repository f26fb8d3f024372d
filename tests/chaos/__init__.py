"""Proxies under load that are killed, databases that go away, disks that fill up; calls beside rows at the end."""
