"""The pages of HTML: what stands in them, in which order, and that nothing of a student's becomes a tag."""

import base64
import hashlib
import sys
from html.parser import HTMLParser

from minigen.classroom.results import feedback
from minigen.classroom.results.report import LISTED, Tally
from minigen.cli import main
from minigen.course import templates
from minigen.course.exercise.grading import status as S

from .conftest import SECRET

ATTACK = "</td></p></pre><script>alert('\"x\"')</script>\n&amp;"
SHOWN = ATTACK.replace("\n", " ")


class Page(HTMLParser):
    """The elements of a page's body that hold text: (tag, text); and all its tags."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.elements: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] not in ("title", "style", "script"):
            self.elements.append((self.open[-1], data))


def case(name: str, state: str = S.PASS, **more) -> dict:
    row = {
        "case": name,
        "status": state,
        "passed": state == S.PASS,
        "points": 2 * (state == S.PASS),
        "possible": 2,
        "kind": "equation",
        "form": False,
    }
    return {**row, "message": "", "public": more.get("message", ""), "relation": "", "line": None, "text": "", **more}


def row(id: str, state: str = S.PASS, **more) -> dict:
    result = {
        "id": id,
        "status": state,
        "points": 1.5,
        "possible": 4.0,
        "message": "",
        "hint": "",
        "listed": True,
        "cure": "",
    }
    result |= {
        "kinds": {"equation": {"points": 2, "possible": 4}, "shapes": {"points": 0, "possible": 1}},
        "cases": [case("by_hand"), case("batch")],
        "notes": [],
        "public": more.get("message", ""),
        "reaches": [],
        "about": {"batch": "One number for all of it."},
        "seconds": 0.1234567,
        **{"given": None, "total": 1.5, "excused": False, "dropped": False, "decisions": [], "hints_used": None},
        **{"minus": 0, "open": False, "late": 0.0},
    }
    return {**result, **more}


def document(*rows: dict, **more) -> dict:
    student = {"student_id": "s001", "first_name": "Emmy", "last_name": "Noether", "email": ""}
    result = {"assignment": {"title": "Homework"}, "student": student, "days_late": 0, "points": 3.5, "late": 0.0}
    result |= {"excused": False, "counting": "", "decisions": [], "minutes_after_due": None}
    return {**result, "total": 3.5, "possible": 8.0, "exercises": list(rows), **more}


def test_the_feedback_of_a_student():
    wrong = case("batch", S.WRONG_VALUE, message="off", relation="twice as large", line=3, text="return 2 * x")
    late = document(
        row("gan/12/a", points=4.0),
        row("gan/12/b", S.WRONG_VALUE, cases=[case("by_hand"), wrong], hint="Look at n.", notes=["second file"]),
        row("gan/12/c", S.STUB, points=0.0, message="a stub", cases=[case("x", S.STUB), case("y", S.STUB)]),
        row("gan/12/d", S.GRADER_ERROR, points=None),
        days_late=2,
        late=0.5,
        total=3.0,
    )
    assert Page(feedback.as_html(late)).elements == [
        ("h1", "Homework: Emmy Noether"),
        ("p", "3 of 8 points."),
        ("p", "2 days late: 0.5 of 3.5 points lost."),
        ("h2", "gan/12/a: 4 of 4"),
        ("p", "All cases pass."),
        ("h2", "gan/12/b: 1.5 of 4"),
        ("p", "Known mistake: Look at n."),
        ("li", "by_hand: pass (2 of 2)"),
        ("li", "batch: wrong value (0 of 2). One number for all of it."),
        ("p", "Points of the exercise itself: for the equation 2 of 4, for shapes 0 of 1."),
        ("p", "batch, the simplest case that fails: wrong value: off"),
        ("p", "twice as large"),
        ("pre", "line 3: return 2 * x"),
        ("p", "Note: second file"),
        ("p", "To see values: minigen exercise check gan/12/b"),
        ("h2", "gan/12/c: 0 of 4"),
        ("p", f"{S.WORDS[S.STUB]}: a stub"),
        ("h2", "gan/12/d: not graded yet"),
    ]
    markdown = feedback.as_markdown(late)
    assert markdown.startswith("# Homework: Emmy Noether\n\n3 of 8 points.\n\n2 days late: 0.5 of 3.5 points lost.\n\n")
    assert "\n\n- by\\_hand: pass (2 of 2)\n- batch: wrong value (0 of 2). One number" in markdown
    assert "\n\n    line 3: return 2 * x\n\n" in markdown and markdown.endswith("\n\n## gan/12/d: not graded yet\n")


def test_a_known_mistake_is_said_of_the_case_that_it_explains():
    """The hint "x is right" is of the first case that fails; in the third x is NaN."""
    slip = [case("one", S.WRONG_VALUE, message="log_det"), case("two", S.WRONG_VALUE, message="log_det")]
    mixed = [*slip, case("large", S.NAN, message="x is NaN")]
    for cases, expected in [
        (slip, "Known mistake: x is right."),
        (mixed, "Known mistake in one (large fails in another way): x is right."),
        ([case("zero"), *mixed], "Known mistake in one (large fails in another way): x is right."),
    ]:
        wrong = row("flow/05/affine_forward", S.WRONG_VALUE, cases=cases, hint="x is right.")
        hints = [text for tag, text in Page(feedback.as_html(document(wrong))).elements if "mistake" in text]
        assert hints == [expected]
        assert expected in feedback.as_text(wrong).splitlines()
    changed = row("flow/05/affine_forward", S.WRONG_VALUE, cases=mixed, hint="A change.", listed=False)
    assert "A change." in feedback.as_text(changed).splitlines()


def attacked() -> dict:
    """A document in which every text that a student can choose is HTML."""
    wrong = case(ATTACK, S.WRONG_VALUE, message=ATTACK, relation=ATTACK, line=1, text=ATTACK)
    student = {"student_id": ATTACK, "first_name": ATTACK, "last_name": "", "email": ATTACK}
    rows = [
        row("gan/12/critic_loss", S.WRONG_VALUE, cases=[case("x"), wrong], hint=ATTACK, notes=[ATTACK]),
        row("gan/12/critic_loss", S.WRONG_VALUE, hint=ATTACK, listed=False),
        row("gan/02/generator_loss_minimax", S.GRADER_ERROR, points=None, message=ATTACK),
    ]
    return document(*rows, student=student)


def test_text_of_a_student_is_text_in_the_feedback():
    page = Page(feedback.as_html(attacked()))
    assert page.tags == {*("html", "head", "meta", "title", "style", "body"), *("h1", "h2", "p", "ul", "li", "pre")}
    texts = [text for _, text in page.elements]
    assert texts[0] == f"Homework: {SHOWN}" and f"line 1: {SHOWN}" in texts and f"Note: {SHOWN}" in texts
    assert sum(SHOWN in text for text in texts) == 8


def test_text_of_a_student_is_text_in_the_report(a_class):
    tally = Tally(a_class.assignment)
    for _ in range(2):
        tally.add(attacked())
    page = Page(tally.html([(ATTACK, ATTACK)], timed=True))
    assert page.tags == {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td", "span"),
        *("thead", "tbody", "code", "script", "div"),
    }
    cells = [text for tag, text in page.elements if tag == "td" and "alert" in text]
    retries, notes, unmatched, slowest, students = 4, 4, 2, 6, 4
    expected = retries + 1 + 1 + notes + unmatched + slowest + students
    assert cells.count(SHOWN) == expected, "and a mistake, and a change"
    assert len(cells) == expected


def test_the_report_counts(a_class):
    """By hand: three students with 8, 3.5 and no points of 8; the third could not be graded."""
    tally = Tally(a_class.assignment)
    first, second = "gan/12/critic_loss", "gan/02/generator_loss_minimax"
    passed = [row(first, points=4.0, cases=[case("by_hand")]), row(second, points=4.0, cases=[])]
    tally.add(document(*passed, total=8.0))
    slip = row(first, S.WRONG_VALUE, cases=[case("by_hand", S.WRONG_VALUE)], hint="A slip.", seconds=2.0)
    tally.add(document(slip, row(second, points=2.0, cases=[]), total=3.5, days_late=1))
    tally.add(document(row(first, S.GRADER_ERROR, points=None, message="it broke", cases=[]), total=None))
    page = tally.html([], timed=True)
    assert (
        "<p>3 students, 2 graded in full; mean 5.75, median 5.75, quartiles 4.62 and 6.88 of 13 points; 1 late.</p>"
        in page
    )
    number, bar = '<td class="number">{}</td>', '<td><span class="bar" style="width: {}rem"></span></td>'
    failed = "<td><details><summary>1</summary>s001</details></td>"
    for cells in [
        "<td>s001</td><td>gan/12/critic_loss</td><td>it broke</td>",
        f"<td>40–50 %</td>{number.format(1)}{bar.format('12.00')}",
        f"<td>50–60 %</td>{number.format(0)}{bar.format('0.00')}",
        f"<td>90–100 %</td>{number.format(1)}{bar.format('12.00')}",
        f"<td>gan/12/critic_loss</td><td></td><td>2.75 of 8</td>{number.format(1)}{bar.format('4.00')}<td></td>",
        f"<td></td><td>by_hand</td><td>1 raw</td>{number.format(1)}{bar.format('4.00')}{failed}",
        f"<td>gan/12/critic_loss</td><td>A slip.</td>{number.format(1)}",
        f"<td>{second}</td><td>{S.WORDS[S.PASS]}</td>{number.format(2)}",
        f"<td>s001</td><td>gan/12/critic_loss</td>{number.format(2)}",
        f"<td>s001</td><td>gan/12/critic_loss</td>{number.format('0.1235')}",
    ]:
        assert f"<tr>{cells}</tr>" in page, cells
    assert page.count("<p>None.</p>") == 4, "no decision, no other changes, nothing to look at, no unmatched file"


def test_what_is_not_complete_has_a_sum_and_its_lateness():
    """The points so far, what is missing, and how late it came: known at once."""
    rows = [
        row("gan/12/a", points=4.0, total=3.0, late=1.0),
        row("gan/12/b", S.GRADER_ERROR, points=None, total=None, late=None),
        row("gan/12/c", S.MISSING_FILE, total=None, late=None, open=True),
        row("gan/12/d", excused=True),
    ]
    text = feedback.as_markdown(document(*rows, total=None, points=None, late=None, days_late=2))
    assert "3 of 4 points so far; gan/12/b is not graded yet; gan/12/c is not due yet." in text
    assert "2 days late: 1 of 4 points lost." in text and feedback.NOT_YET in text
    text = feedback.as_markdown(document(rows[0], days_late=1))
    assert "3.5 of 8 points." in text and "1 day late: no points lost." in text
    assert "late" not in feedback.as_markdown(document(rows[0]))


def test_a_long_table_is_cut_and_says_so(a_class):
    page = Tally(a_class.assignment).html([("x.py", "why")] * (LISTED + 3), timed=False)
    assert page.count("<td>x.py</td>") == LISTED and "<p>and 3 more</p>" in page
    assert "lateness was not judged" in page and "<p>and" not in Tally(a_class.assignment).html([("x", "y")], True)


def test_without_jinja2_nothing_is_graded(a_class, monkeypatch, capsys):
    a_class.hand_in("s001")
    templates.environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.chdir(a_class.folder)
    words = ["grade", "submissions", "--assignment", "hw1.toml", "--roster", "roster.csv"]
    assert main([*words, "--seed", SECRET, "--out", "grades"]) == 2
    expected = "minigen: pages of HTML need Jinja2: python -m pip install nbformat jinja2 jsonschema\n"
    assert capsys.readouterr().err == expected and not a_class.out.exists()


def test_the_report_runs_its_own_script_only(a_class):
    """The policy of the page names the script by its hash, and feedback runs none."""
    page = Tally(a_class.assignment).html([], timed=False)
    script = page.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page
    assert "script" not in feedback.as_html(document(row("gan/12/a")))
    assert "http" not in page.replace("http-equiv", ""), "it needs no other file"


def test_the_table_of_students(a_class):
    """Each with a link to the feedback; what is dropped, excused or not known is said."""
    tally = Tally(a_class.assignment, {"s001": "s001-x"})
    first, second = "gan/12/critic_loss", "gan/02/generator_loss_minimax"
    failing = [case("by_hand", S.WRONG_VALUE)]
    rows = [
        row(first, S.WRONG_VALUE, cases=failing, dropped=True, hints_used=2),
        row(second, excused=True, hints_used=1),
    ]
    tally.add(document(*rows, minutes_after_due=-30))
    missing = row(first, S.MISSING_FILE, cases=[case("by_hand", S.MISSING_FILE)])
    tally.add(document(missing, row(second, total=None), total=None))
    page = tally.html([], timed=True)
    cells = ['<td><a href="feedback/s001-x.html">s001</a></td><td>Noether, Emmy</td>']
    cells += [f'<td class="number">{value}</td>' for value in (3.5, 8, -30, 3, "dropped", "excused")]
    assert f"<tr>{''.join(cells)}</tr>" in page
    assert page.count("<summary>1</summary>s001</details>") == 1, "who handed in nothing is not listed as failing"
