#!/usr/bin/env python3
"""Ten kinds of root, and of failure, in the initramfs: the quick rows of roottable.py (1 to 2 guest-minutes). All of
them: tests/vm/all/roots.t."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import roottable
from tap import Tap

tap = Tap()
roottable.run([row for row in roottable.ROWS if row.quick], tap)
tap.done()
