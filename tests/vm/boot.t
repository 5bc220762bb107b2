#!/usr/bin/env python3
"""A stock Debian guest boots to its services and powers off cleanly: what
`make boot` checks, told as TAP."""
import importlib.machinery
import importlib.util
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import HERE, TIMEOUT, Tap

loader = importlib.machinery.SourceFileLoader("boot", os.path.join(HERE, "boot"))
boot = importlib.util.module_from_spec(importlib.util.spec_from_loader("boot", loader))
loader.exec_module(boot)
tap = Tap()


class Checks:
    @staticmethod
    def check(name, holds, detail=""):
        tap.ok(holds, name, detail)


with tap.guest("boots to its services", writable=True) as guest:
    guest.wait_ready(TIMEOUT)
    tap.ok(True, "the default target is reached")
    guest.expect(r"login: ", TIMEOUT)
    tap.ok(True, "there is a login prompt")
    boot.from_outside(guest, Checks)
    boot.from_inside(guest, Checks)
    boot.power_off(guest, Checks)
tap.done()
