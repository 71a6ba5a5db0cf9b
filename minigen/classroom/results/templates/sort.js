// Sorts the rows of a table by the column whose heading is clicked: numbers by value, the rest as text.
document.querySelectorAll("table.sorted th").forEach((heading) => {
  const button = document.createElement("button");
  button.textContent = heading.textContent;
  heading.replaceChildren(button);
  button.addEventListener("click", () => {
    const body = heading.closest("table").tBodies[0];
    const down = heading.getAttribute("aria-sort") === "ascending";
    const value = (row) => row.cells[heading.cellIndex].dataset.value ?? row.cells[heading.cellIndex].textContent;
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what is not known stands last
      const numbers = x - y;
      return (down ? -1 : 1) * (Number.isNaN(numbers) ? x.localeCompare(y) : numbers);
    };
    body.append(...[...body.rows].sort(order));
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  });
});
