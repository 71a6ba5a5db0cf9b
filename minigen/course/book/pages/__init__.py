"""The pages of the book, as MyST: a lesson, its outputs, the first page and the posts, the references, the source."""
