"""The book: the lessons as they ran, as pages in which a reader writes the exercises and has them checked."""
