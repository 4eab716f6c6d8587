"""A comparison as a JUnit report, for a CI's own page of failures: a case a difference."""

from xml.etree import ElementTree

from threemaps.model.difference import Comparison, Difference
from threemaps.render import words
from threemaps.render.names import shown


def render_junit(comparison: Comparison) -> str:
    """What is expected is a case that passed; so is a comparison without differences."""
    failed = [one for one in comparison.differences if not one.expected]
    cases = len(comparison.differences) or 1
    suite = ElementTree.Element(
        "testsuite", name="threemaps compare", tests=str(cases), failures=str(len(failed))
    )
    if not comparison.differences:
        ElementTree.SubElement(suite, "testcase", classname="threemaps", name="the maps agree")
    for one in comparison.differences:
        name = f"{words.subject(one)}: {words.what(one)}"
        case = ElementTree.SubElement(suite, "testcase", classname=str(one.kind), name=name)
        if not one.expected:
            failure = ElementTree.SubElement(case, "failure", message=shown(one.cause))
            failure.text = reasons(one)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def reasons(one: Difference) -> str:
    return "\n".join(shown(line) for line in (one.cause, *one.evidence, one.advice) if line)
