"""Mutations of what runs plan, of batches that are cut, and of runs of some events."""

from tests.harness.mutation import PACKAGE, Mutation

OF_PLANS = (
    Mutation(
        "where an event is not, the ledger does not say so",
        f"{PACKAGE}/loading.py",
        "if one not in loaded and (self.manifest.complete or self.manifest.split_of(one))",
        "if one not in loaded and self.manifest.split_of(one)",
    ),
    Mutation(
        "raw objects stand in each of the batches that are cut",
        f"{PACKAGE}/core/batches.py",
        'label=f"{batch.label}.{number}", chunks=chunks)',
        'label=f"{batch.label}.{number}")',
    ),
    Mutation(
        "only the first batch is settled",
        f"{PACKAGE}/operators.py",
        """        for key in plan["batches"]:
            batch, catalog = site.store.get_batch(key)
            try:""",
        """        for key in plan["batches"][:1]:
            batch, catalog = site.store.get_batch(key)
            try:""",
    ),
    Mutation(
        "only the first batch is collected",
        f"{PACKAGE}/operators.py",
        'for number, key in enumerate(plan["batches"]):',
        'for number, key in enumerate(plan["batches"][:1]):',
    ),
    Mutation(
        "chunks are those of the first batch",
        f"{PACKAGE}/operators.py",
        'plan["batches"][self.chunk["batch"]]',
        'plan["batches"][0]',
    ),
    Mutation(
        "what is wrong with a batch holds up the next",
        f"{PACKAGE}/operators.py",
        "                problems += said",
        "                if said:\n                    raise NeedsAction(said[0])",
    ),
    Mutation(
        "a run of some events settles what it has left alone",
        f"{PACKAGE}/settling.py",
        """            if not filtered:
                yield report, now""",
        """            if not filtered or report.object_id not in before:
                yield report, now""",
    ),
    Mutation(
        "a run of some events passes over what has no record",
        f"{PACKAGE}/planning.py",
        "settled |= self._in_ledgers(session, unknown, wanted)",
        "settled |= set(unknown)",
    ),
    Mutation(
        "a run of some events reads what it has loaded already",
        f"{PACKAGE}/planning.py",
        "settled |= self._in_ledgers(session, unknown, wanted)",
        "settled |= set()",
    ),
    Mutation(
        "the ledger of one event stands for those of all",
        f"{PACKAGE}/planning.py",
        "        for event in events:\n            left =",
        "        for event in events[:1]:\n            left =",
    ),
    Mutation(
        "a run of some events reads what holds others",
        f"{PACKAGE}/planning.py",
        "[claim for event in wanted for claim in event.claims]",
        "[claim for event in self.catalog.events for claim in event.claims]",
    ),
    Mutation(
        "whatever lies below a day's prefix is of its hours",
        f"{PACKAGE}/planning.py",
        "below = {hour.prefix(template): hour for hour in its_hours}",
        "below = {prefix: its_hours[0]} | {hour.prefix(template): hour for hour in its_hours}",
    ),
)
