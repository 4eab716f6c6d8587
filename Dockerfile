# One image for the services, the stand-ins and the page. Compose builds it once.
FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
# The same user as the collector's image has, so that the queue's volume belongs to it from the start. /state itself is root's:
# also ECS's first container, which is root, keeps its state there, and refuses a folder of somebody else's.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin threemaps \
    && mkdir -p /state/run /state/queue /state/logs /state/faults /state/data /state/page \
    && chown 10001:10001 /state/*
COPY requirements-image.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY aws ./aws
COPY collector ./collector
COPY threemaps ./threemaps
COPY services ./services
RUN python -m compileall -q threemaps services \
    && pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER 10001
