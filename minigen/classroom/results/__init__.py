"""Results: a document for each student, and what is made from the documents: gradebooks, feedback, the report."""
