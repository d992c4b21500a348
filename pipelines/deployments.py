"""What can be deployed to a Prefect work pool: an audit, by the address of its configuration. Schedules are set where it is deployed.

python -m pipelines.deployments --pool NAME [--image IMAGE] [--cron "0 3 * * 1"]
"""

from __future__ import annotations

import argparse
from typing import Any

import fsspec
import yaml
from prefect import flow
from prefect.types.entrypoint import EntrypointType

from corpus_tools.config import parse_config
from pipelines.audit import run_audit


@flow(name="corpus-audit-file", flow_run_name="audit by {config}")
def audit_file(config: str) -> str:
    """Audits by a YAML file (a path or any fsspec address) that the machine of the flow run can read; returns the audit_id."""
    with fsspec.open(config, "rt", encoding="utf-8") as file:
        settings = parse_config(yaml.safe_load(file.read()), where=config)
    return run_audit(settings).audit_id


def main() -> None:
    """Registers `audit_file` with the server that PREFECT_API_URL names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", required=True, help="an existing work pool: prefect work-pool create NAME --type …")
    parser.add_argument("--name", default="audit")
    parser.add_argument("--image", help="for pools that start containers: an image with corpus-audit installed")
    parser.add_argument("--cron", help="a schedule; default: run when asked")
    parser.add_argument("--config", help="address of the configuration; default: given with each run")
    options = parser.parse_args()
    deployment: Any = audit_file.to_deployment(
        options.name, cron=options.cron, parameters={"config": options.config} if options.config else {},
        work_pool_name=options.pool, concurrency_limit=1, entrypoint_type=EntrypointType.MODULE_PATH,
    )  # fmt: skip
    deployment.apply(image=options.image)


if __name__ == "__main__":
    from pipelines.deployments import main as registered  # so that the flow's module has its name

    registered()
