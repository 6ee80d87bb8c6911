"""gunicorn's settings for the API: zou is loaded once and the workers are forked from it, which halves the start."""
from gevent import monkey

monkey.patch_all()  # before zou is loaded: its database driver looks at import time whether sockets are gevent's

worker_class = "gevent"
preload_app = True
timeout = 600
keepalive = 75
graceful_timeout = 2
access_log_format = "%(s)s %(m)s %(U)s?%(q)s"
