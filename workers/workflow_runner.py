"""How a worker runs workflows, and lets go of those that leave its cache.

No sandbox when serving: it enters itself anew for each payload of each command, which took a fifth of a serving
process's time and 3 of 24 ms of a hold, modules passed through (ARCHITECTURE has the figures). The tests run every
workflow in the full sandbox, and import contracts keep I/O out of reach.
"""

from __future__ import annotations

import traceback
from asyncio import Task
from collections.abc import Iterable
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails


class ServingRunner(UnsandboxedWorkflowRunner):
    """Runs workflows without the sandbox; one that leaves the cache is freed at once, not by the garbage collector.

    The SDK's instance is its own event loop: it and its tasks, the errors that ended them and the frames of these
    refer to each other. Left alone they are garbage of the oldest kind, which only a pass over everything finds: a
    serving process with 2 000 workflows in its cache stood still for 0.7 s, once in 1 500 reservations. A workflow that
    fails is still left to the collector.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Called by the SDK for each workflow that comes into the cache."""
        instance = super().create_instance(det)
        activate = instance.activate

        def activate_or_free(act: WorkflowActivation) -> WorkflowActivationCompletion:
            if not any(job.HasField("remove_from_cache") for job in act.jobs):
                return activate(act)
            tasks = tuple(vars(instance)["_tasks"])
            completion = activate(act)
            _free(instance, tasks)
            return completion

        vars(instance)["activate"] = activate_or_free
        return instance


def _free(instance: WorkflowInstance, tasks: Iterable[Task[Any]]) -> None:
    """Cut what an instance and its tasks, all ended, know of each other. Nobody activates it again."""
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            traceback.clear_frames(error.__traceback__)
    vars(instance).clear()
    vars(instance)["_deleting"] = True  # for the SDK's silence about errors that nobody asks for any more
