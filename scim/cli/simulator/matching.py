"""Finding the resource that an object is, by the matching attributes in their precedence.

Microsoft Learn, customize-application-attributes: the first that gives a result decides, the others
are not asked for.
"""

from scim.cli.simulator.failure import Failure
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.service import Resource
from scim.cli.simulator.values import matching
from scim.cli.simulator.work import Work


async def match(work: Work, objects: Objects, id: str) -> Resource | None:
    """Find the resource of an object, and remember it.

    Raises Failure: DuplicateTargetEntries when several have a value, DuplicateSourceEntries when
    it is another object's already, MandatoryFieldsMissing when there is no value to look for.
    """
    context = work.context(work.scope(objects, id))
    asked = matching(objects, work.source.entry(id), context)
    if not asked:
        names = ", ".join(each.target for each in objects.matching)
        raise Failure("MandatoryFieldsMissing", f"there is no value to match by: {names}")
    for target, value in asked:
        found = await work.service.find(objects, target, value)
        if found is None:
            continue
        owner = work.memory.owner(found["id"])
        if owner not in (None, id):
            detail = f"two objects of the source have the same {target}"
            raise Failure("DuplicateSourceEntries", detail)
        work.memory.anchor(id, found["id"], objects.source)
        if objects.source == "Group":
            work.memory.unasked[id] = set(work.source.members(id))
        return found
    return None
