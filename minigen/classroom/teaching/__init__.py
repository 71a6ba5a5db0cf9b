"""What a teacher needs beside the lessons: a plan of the weeks, slides of a lesson, the solutions of an assignment."""
