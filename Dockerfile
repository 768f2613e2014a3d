# Two images: `app` for web, worker and beat, without torch; `gpu` for the worker that trains and scores.
#   docker build --target app -t winnow .
#   docker build --target gpu -t winnow-gpu .

FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PATH=/opt/venv/bin:$PATH \
    WINNOW_DATA_DIR=/data
WORKDIR /app
RUN useradd --system --uid 10001 --create-home winnow && install -d -o winnow -g winnow /data

# What is installed depends on these files alone, so that a change of code installs nothing again. The package
# folders are empty here: the installation points to /app, where the code comes later.
FROM base AS build
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir config labeling modeling simulation worker \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --constraint constraints.txt --editable .

FROM build AS build-gpu
RUN /opt/venv/bin/pip install --constraint constraints.txt --editable ".[judge]"

FROM base AS gpu
COPY --from=build-gpu /opt/venv /opt/venv
COPY . .
USER winnow
VOLUME /data
# Base models that are fetched from a hub stay with the data.
ENV HF_HOME=/data/huggingface
CMD ["celery", "-A", "worker.app", "worker", "-I", "worker.gpu", "-Q", "gpu", "-n", "gpu@%h", "--concurrency", "1", "--loglevel", "INFO"]

FROM base AS app
COPY --from=build /opt/venv /opt/venv
COPY . .
# The URLs are never used here: settings are not read without them.
RUN DATABASE_URL=postgresql://none REDIS_URL=redis://none SECRET_KEY=none python manage.py collectstatic --no-input
USER winnow
VOLUME /data
ENV PORT=8000
EXPOSE 8000
CMD ["gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
