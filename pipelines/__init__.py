"""WHEN and WHERE: Prefect flows over the library, and the command line. Nothing in corpus_tools imports this.

tasks.py        library calls as tasks: retries, names
runners.py      threads, processes, Dask or Ray, by configuration
audit.py        flow: plan -> scan each -> estimate -> load -> report
scanning.py     all shards side by side, large ones in parts; or shards from look to look until a limit
demo.py         the demo: the same flow over the bundled sample, before labels and after
deployments.py  an audit by the address of its configuration, for work pools
cli.py          `corpus-audit …`: parse, call, show, exit code
"""
