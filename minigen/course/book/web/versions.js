/* The versions of the book that stand beside this one. `minigen.course.book.versions` writes this list where several are
   published together: {"name": "1.0.0", "root": "../v1.0.0/", "here": true} for each, `root` from this book's first page. */
window.minigenVersions = [];
