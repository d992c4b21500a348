"""WHEN and WHERE: Prefect flows over the library, and the command line. Nothing in corpus_tools imports this.

tasks.py        library calls as tasks: retries, names
runners.py      threads, processes, Dask or Ray, by configuration
audit.py        flow: plan -> scan each -> estimate -> load -> report
scanning.py     all shards side by side, large ones in parts; or shards from look to look until a limit
schedule.py     flow: an audit on a schedule, compared with the one before, told
serve.py        `corpus-audit serve`: a schedule on this machine, and what a run that died left
deployments.py  every schedule and limit on one page; prefect.yaml is made from it
watch.py        what a flow tells whoever watches it; shows nothing
show.py         tables and the live look of the command line
notice.py       what is told, as a line, a page and JSON
pages.py        what Prefect's pages show: progress, artifacts, events
webhook.py      one POST, of whose address nothing is said but the host
demo.py         the demo: the same flow over the bundled sample, before labels and after
cli/            `corpus-audit …`: parse, call, show, exit code
"""
