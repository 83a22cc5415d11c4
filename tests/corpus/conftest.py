"""Nothing in these tests may speak with the network, Daft's count of its users included."""

import os

os.environ["DAFT_ANALYTICS_ENABLED"] = "0"
os.environ["DO_NOT_TRACK"] = "1"
