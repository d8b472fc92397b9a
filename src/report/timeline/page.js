// A click on a row highlights its chain of causes, as far as the page shows it.
const rows = document.querySelectorAll(".row");
const led = (row) => {
  rows.forEach((other) => other.classList.remove("led"));
  for (let at = row; at; at = at.dataset.cause && document.getElementById("row-" + at.dataset.cause)) {
    at.classList.add("led");
  }
};
rows.forEach((row) => row.addEventListener("click", () => led(row)));
const broke = document.querySelector(".row.broke");
if (broke) led(broke);
