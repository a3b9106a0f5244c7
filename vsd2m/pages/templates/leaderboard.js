"use strict";

/* Click or Enter on a column's head sorts by it; cells without a number stay below. */
for (const head of document.querySelectorAll("thead th[tabindex]")) {
  const sort = () => {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const rising = head.ariaSort === "ascending" ? -1 : 1;
    for (const other of head.parentNode.children) other.ariaSort = null;
    head.ariaSort = rising === 1 ? "ascending" : "descending";
    const value = (row) => row.children[column].dataset.value ?? row.children[column].textContent;
    const number = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text));
    const compare = (a, b) => {
      const [x, y] = [number(value(a)), number(value(b))];
      if (x !== null && y !== null) return (x - y) * rising;
      if ((x === null) !== (y === null)) return x === null ? 1 : -1;
      return column ? 0 : value(a).localeCompare(value(b)) * rising;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
}
