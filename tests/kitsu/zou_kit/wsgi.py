"""The application that gunicorn serves: zou's, at the root and, as behind a studio's proxy, under /api as well."""
import datetime
import os

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from zou.app import config

# The life of a token is fixed in zou's settings; its environment cannot change it.
for name in "ACCESS", "REFRESH":
    seconds = os.environ.get(f"WEIR_ZOU_{name}_SECONDS")
    if seconds:
        setattr(config, f"JWT_{name}_TOKEN_EXPIRES", datetime.timedelta(seconds=float(seconds)))

from zou.app import create_app  # noqa: E402

application = create_app()
app = DispatcherMiddleware(application, {"/api": application})
