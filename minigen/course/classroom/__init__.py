"""A class: assignments built, graded and handed back.

assignment   the TOML file that says what is assigned: exercises, points, due date, files
roster       the students, and which of them a folder or file is from
collect      what a folder or zip of submissions holds, read once and never followed through links
notebook     functions taken from a student's notebook; the notebook that students get
grading      one submission: every exercise of the assignment, one row each
pool         processes of this machine that grade; `cluster`: the same over Dask
batch        a class: resumed where it stopped, nothing left behind
gradebook, feedback, report, originality    what comes out
build        what students get; nbgrader, otter, gradescope, classroom50: what each platform gets
score, remote    what those platforms run
"""
