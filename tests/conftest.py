"""Settings of every test."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers with two threads each keep each other waiting

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")
