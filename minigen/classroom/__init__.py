"""A class: assignments built, graded and handed back. It builds on `minigen.course`, which never imports it.

assignment   the TOML file that lists exercises, points, due date, files; `schemas` checks it by schema/assignment.json
roster       the students, and which of them a folder or file is from
private/     exercises with one thing changed, which an assignment's secret chooses: declaration, variants, proofs
collect      what a folder or zip of submissions holds, read once and never followed through links
notebook     functions taken from a student's notebook; the notebook that students get
grade/       grader: one submission, a row for each exercise; pool: processes of this machine that grade; cluster: the
             same over Dask; batch: a class, resumed where it stopped
results/     documents: JSON, one for each student; gradebook, feedback, report: what is made from them; similarity:
             the answers as JPlag and compare50 read them
build        what students get, and a folder for each platform
teaching/    what a teacher needs besides: syllabus, a plan of the weeks; slides of a lesson, which deck shows;
             solutions: the answers, points and mistakes of an assignment's exercises
platforms/   nbgrader, otter, gradescope: what each gets; score, remote: what runs there
"""
