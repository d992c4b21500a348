"""Corpus Audit: how much of which source tells of artificial minds that preserve themselves or rebel, and how sure we are.

The rooms, in the order data walks through them; a file imports only from rooms above it:

    errors.py         the error tree, by consequence
    tables.py         Arrow schemas that cross a wall; each column explained
    sampling.py       salted hash -> in or out, and with what probability
    texts.py          many texts as one buffer: joined, counted, hashed
    pack.py           loads and checks a pack; packs/ holds them
    config/           AuditConfig: defaults, units, validation, what the scan_id is made of
  read
    stores.py         addresses: opening, trying again, what an error of a store means
    shards/           corpus spec (paths, globs, addresses) -> shards, in hash order
    readers/          shard -> batches of documents and rejects; one file a format
    sources.py        address and metadata -> source keys; text -> language
  choose
    gate.py           documents -> hits; passages -> terms; the audit draw of the rest
    passages.py       opened documents -> passages with offsets
    screen/           passages -> inclusion probability, by stratum and cheap score; candidates
  judge
    encoder_files.py  where an encoder's files lie, and whether they are what they say
    embed.py          texts -> vectors
    compiled.py       the same, faster on a processor
    classifier/       texts -> calibrated scores; fit, calibrate, evaluate
    tally.py          exact counts per source, and how two add
    spool.py          files on a disk that show only when they are whole
    root/             the root's files; manifest last
    claim.py          one audit of a root at a time
    scan.py           one shard: choose, judge, write; the books are balanced here
    parts.py          large shards: which are scanned in parts, and parts joined to one shard
    stopping.py       which shards come next, when to look, when a look is enough
    pilot.py          a budget of scored passages -> rates, once, before the scan
  estimate
    so_far.py         finished shards -> the headline figure of a running scan, for watching
    labels/           rounds: what was drawn, out as files, answers back in, agreement
    estimate/         counts + scored passages + labels -> totals, prevalence, measures
    copies.py         candidates -> groups of near copies
    audit/            an audit: the root's files -> estimates -> the root
    rounds.py         an audit's label rounds: drawn, topped up, their texts
    listed.py         the passages that move a number -> a label round
    changes.py        an audit and the one before -> what changed, tested
  store
    warehouse/        tables/*.sql, views/*.sql; load and read-only queries
  show
    numbers.py        shares, counts and intervals as people read them
    clauses.py        flagged passages -> who does what to whom
    nearest.py        passages -> those that are most alike, by their vectors
    report/           figures ask, the page shows
    export/           documents above a threshold -> a list for a training pipeline, with what it is expected to do

`import corpus_tools` runs nothing; take what you need from the rooms:

    from corpus_tools.classifier import score_texts      # texts in, a Polars frame of probabilities out
    from corpus_tools.estimate import prevalence          # any scored frame with labels -> figures with intervals
    from corpus_tools.config import load_config
    from corpus_tools.warehouse import query
"""
