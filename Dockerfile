# The product on the official Airflow image: DAGs, plugin and configuration, with the packages of the lock file.
# The embedded stack (local/), the examples and the tests are not in it. Connections, the executor and the
# metadata database are the deployment's: see "Point it at real AWS" in README.md.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.12
FROM ${AIRFLOW_IMAGE}

# By number, so that an orchestrator can verify that it is not root. It is the image's own user `airflow`.
USER 50000:0

COPY --chown=50000:0 requirements.txt /opt/airflow/requirements.txt
# The lock is complete, so nothing is left to resolve (--no-deps). The image brings other versions of its own:
# `pip check` ends the build where a package of the image does not fit what the lock put in. Then build on the
# image without extra providers, --build-arg AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.12
RUN pip install --no-cache-dir --no-deps --require-hashes -r /opt/airflow/requirements.txt \
    && pip check

# plugins/log_router/site.py finds include/ beside plugins/.
COPY --chown=50000:0 plugins/ /opt/airflow/plugins/
COPY --chown=50000:0 include/ /opt/airflow/include/
COPY --chown=50000:0 dags/ /opt/airflow/dags/
# `log-router audit` and so on, wherever `airflow` can be typed.
COPY --chown=50000:0 bin/ /opt/airflow/bin/
ENV PATH="/opt/airflow/bin:${PATH}"
