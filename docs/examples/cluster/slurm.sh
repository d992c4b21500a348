#!/usr/bin/env bash
# An audit on Slurm, by Dask within one allocation:  sbatch slurm.sh
# audit.yaml has a root on the shared file system, and:  runner: {kind: dask, workers: 16, address: "tcp://…", threads: 4}
# (the address is filled in below).
#SBATCH --job-name=corpus-audit
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=1G
#SBATCH --time=12:00:00
set -euo pipefail
head=$(hostname -f)
export POLARS_MAX_THREADS=$SLURM_CPUS_PER_TASK OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
export PREFECT_API_URL="http://$head:4200/api" PREFECT_HOME="$SLURM_SUBMIT_DIR/.prefect"

prefect server start --host 0.0.0.0 --port 4200 &
dask scheduler --port 8786 &
trap 'kill $(jobs -p)' EXIT
until curl --silent --fail "$PREFECT_API_URL/health" >/dev/null; do sleep 2; done
srun --overlap dask worker "tcp://$head:8786" --nworkers 1 --nthreads 1 --memory-limit 0 --local-directory "${TMPDIR:-/tmp}" &

sed "s|tcp://…|tcp://$head:8786|" audit.yaml > "audit-$SLURM_JOB_ID.yaml"
corpus-audit run "audit-$SLURM_JOB_ID.yaml"
