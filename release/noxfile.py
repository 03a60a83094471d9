"""Register the sessions that hand over this library itself.

The noxfile at the top registers those of the sample. To verify the release of the commit that is
checked out: nox -f release/noxfile.py -s handoff-stable -- --producer-root .
"""

import nox

import handoff_tasks

handoff_tasks.register(nox, __file__, profile="handoff.toml")
