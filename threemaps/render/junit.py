"""A comparison as a JUnit report, for a CI's own page of failures: a case a difference."""

from xml.etree import ElementTree

from threemaps.model.difference import Comparison, Difference
from threemaps.render import words
from threemaps.render.names import shown, title


def render_junit(comparison: Comparison) -> str:
    """A case a difference, and with a contract one a line of it. What is expected is a case that passed."""
    suite = ElementTree.Element("testsuite", name="threemaps compare")
    twice = words.ambiguous(comparison)
    for held in comparison.contract or ():
        values = ", ".join(f"{title(name)} {value}" for name, value in held.values.items())
        case = _case(suite, "contract", f"{shown(held.what)}: {values}")
        if held.broken_by:
            _fail(case, f"broken by {words.listed(title(name) for name in held.broken_by)}", values)
        elif held.unreported:
            ElementTree.SubElement(case, "skipped", message="no source reports it")
    for one in comparison.differences:
        case = _case(suite, str(one.kind), f"{words.subject(one, twice)}: {words.what(one)}")
        if not one.expected:
            _fail(case, shown(one.cause), reasons(one))
    if not len(suite):
        _case(suite, "threemaps", "the maps agree" if comparison.agree else "there is something to compare")
    if comparison.is_empty and not comparison.agree:
        _fail(suite[-1], "nothing to compare", " ".join(words.nothing(comparison)))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    if comparison.troubles:
        output = ElementTree.SubElement(suite, "system-out")
        output.text = "\n".join(shown(f"{one.what}: {one.advice}") for one in comparison.troubles)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def _case(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=group, name=name)


def _fail(case: ElementTree.Element, message: str, text: str) -> None:
    ElementTree.SubElement(case, "failure", message=message).text = text


def reasons(one: Difference) -> str:
    return "\n".join(shown(line) for line in (one.cause, *one.evidence, one.advice) if line)
