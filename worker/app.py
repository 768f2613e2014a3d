"""The Celery application. It imports no tasks: a worker is started with the module of its queue.

celery -A worker.app worker -I worker.default -Q default
celery -A worker.app worker -I worker.gpu -Q gpu
"""

import os

from celery import Celery

from worker.schedule import SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Several processes share the cores here, and BLAS threads that wait for one another spin: set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = Celery("winnow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE
