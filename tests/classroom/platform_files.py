"""Exports as Canvas and Moodle write them.

Their first lines are those of Canvas's GradebookImporter, which reads its own export back, of the test data of Moodle's
grade import, and of Moodle's grading worksheet. The students are those of conftest.py.
"""

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 0 (1501),Homework 1 (1502),Current Score,Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,10.00,26.00,(read only),(read only)
"Noether, Emmy",50001,s001,enoether,GEN 101-01,9.50,,95.0,40.1
"Gauss, Carl",50002,s002,cgauss,GEN 101-01 and GEN 101-02,,,,0.0
"Lovelace, Ada",50003,s003,alovelace,GEN 101-02,10.00,11.00,100.0,50.0
"Student, Test",50009,,4b1d6a3f9a,GEN 101-01,,,,
"""
CANVAS_NEW = """\
LastName,FirstName,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section,Homework 1 (1502)
    Points Possible,,,,,,,,13.00
Noether,Emmy,50001,,enoether@example.org,,example.edu,GEN 101-01,
Gauss,Carl,50002,s002,cgauss@example.org,,example.edu,GEN 101-01,
Lovelace,Ada,50003,s003,alovelace@example.org,,example.edu,GEN 101-02,
"""
MOODLE = """\
"First name",Surname,"ID number",Institution,Department,"Email address","Assignment: Homework 0 (Real)",\
"Assignment: Homework 1 (Real)","Feedback: Homework 1","Course total (Real)","Last downloaded from this course"
Emmy,Noether,s001,"Moodle HQ","Rock on!",emmy@example.org,9.50,-,,9.50,1801440000
Carl,Gauss,s002,"Moodle HQ","Rock on!",carl@example.org,-,-,,-,1801440000
Ada,Lovelace,s003,"Moodle HQ","Rock on!",ada@example.org,10.00,11.00,,21.00,1801440000
"""
PARTICIPANTS = """\
"First name","Last name","ID number","Email address",Groups
Emmy,Noether,,emmy@example.org,A
Carl,Gauss,s002,carl@example.org,A
Ada,Lovelace,s003,ada@example.org,B
"""
WORKSHEET = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 70001","Emmy Noether",emmy@example.org,"Submitted for grading - Graded",,26.00,Yes,\
"Monday, 1 February 2027, 11:59 PM",-,
"Participant 70002","Carl Gauss",carl@example.org,"No submission",3.00,26.00,Yes,-,-,"see me"
"Participant 70003","Ada Lovelace",ada@example.org,"Submitted for grading",,26.00,Yes,\
"Tuesday, 2 February 2027, 1:05 AM",-,
"""
