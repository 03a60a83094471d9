"""Nox sessions that turn a release into a handoff packet whose claims can be checked.

A noxfile needs three lines: ``import handoff_tasks``, ``import nox`` and
``handoff_tasks.register(nox, __file__)``; a consumer calls ``handoff_tasks.register_consumer``.
"""

from handoff_tasks.sessions.register import register, register_consumer

__all__ = ["register", "register_consumer"]
__version__ = "0.1.0"
